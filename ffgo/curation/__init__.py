"""From one photo to everything the first frame needs: elements alone, and the photo without them."""
