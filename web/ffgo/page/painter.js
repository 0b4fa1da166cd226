/** Draws a scene onto a canvas: the pixels that the frame will have, and the guides over them. */
import { halves, slots } from "../pure/geometry.js";

const SLOT = "rgba(31, 111, 235, 0.28)";
const GUIDE = "#d6249f";
const COVER_WIDTH = 320;

/** Draw onto a context whose canvas shows the whole frame. */
export function paint(context, scene, background) {
  const [width, height] = scene.canvas;
  const zoom = context.canvas.width / width;
  context.setTransform(zoom, 0, 0, zoom, 0, 0);
  context.imageSmoothingEnabled = true;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  if (scene.background) paintBackground(context, scene.background, background);
  paintSlots(context, scene, zoom);
  for (const index of scene.order) paintSubject(context, scene.places[index], zoom);
  paintGuides(context, scene, zoom);
}

function paintBackground(context, box, { picture: { bitmap } }) {
  context.drawImage(bitmap, box.x, box.y, box.width, box.height);
}

function paintSlots(context, scene, zoom) {
  context.strokeStyle = SLOT;
  context.lineWidth = 1 / zoom;
  context.setLineDash([4 / zoom, 4 / zoom]);
  for (const slot of slots(scene.canvas, Math.max(scene.places.length, 1), scene.base)) {
    context.strokeRect(slot.x, slot.y, slot.width, slot.height);
  }
  context.setLineDash([]);
  const middle = halves(scene.canvas)[1].x;
  line(context, [middle, 0], [middle, scene.canvas[1]]);
}

function paintSubject(context, { subject, crop, box, angle, flip }, zoom) {
  context.save();
  context.translate(box.x + box.width / 2, box.y + box.height / 2);
  context.rotate((angle * Math.PI) / 180);
  if (flip) context.scale(-1, 1);
  const corner = [-box.width / 2, -box.height / 2, box.width, box.height];
  if (subject.picture) {
    const { bitmap, size } = subject.picture;
    const [across, down] = [bitmap.width / size[0], bitmap.height / size[1]];
    context.drawImage(bitmap, crop.x * across, crop.y * down, crop.width * across, crop.height * down, ...corner);
  } else {
    context.fillStyle = "rgba(110, 118, 129, 0.14)";
    context.fillRect(...corner);
    context.setLineDash([6 / zoom, 4 / zoom]);
    context.strokeStyle = "#57606a";
    context.lineWidth = 1.5 / zoom;
    context.strokeRect(...corner);
  }
  context.restore();
}

function paintGuides(context, { guides, canvas }, zoom) {
  context.strokeStyle = GUIDE;
  context.lineWidth = 1.5 / zoom;
  for (const x of guides.across) line(context, [x, 0], [x, canvas[1]]);
  for (const y of guides.down) line(context, [0, y], [canvas[0], y]);
}

function line(context, from, to) {
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

/** For each place the part (0..1) of its subject on the canvas that none above covers, measured on a small copy. */
export function visibleShares(scene) {
  const zoom = Math.min(1, COVER_WIDTH / scene.canvas[0]);
  const small = new OffscreenCanvas(Math.ceil(scene.canvas[0] * zoom), Math.ceil(scene.canvas[1] * zoom));
  const context = small.getContext("2d", { willReadFrequently: true });
  const drawn = () => {
    const { data } = context.getImageData(0, 0, small.width, small.height);
    let sum = 0;
    for (let i = 3; i < data.length; i += 4) sum += data[i];
    return sum;
  };
  return scene.places.map(({ index, marks, shown }) => {
    const above = scene.order.slice(scene.order.indexOf(index) + 1).filter((other) => marks.overlaps.includes(other));
    if (!shown || !above.length) return 1;
    context.globalCompositeOperation = "source-over";
    context.setTransform(zoom, 0, 0, zoom, 0, 0);
    context.clearRect(0, 0, ...scene.canvas);
    paintSubject(context, scene.places[index], zoom);
    const whole = drawn();
    context.globalCompositeOperation = "destination-out";
    for (const other of above) paintSubject(context, scene.places[other], zoom);
    return whole ? drawn() / whole : 1;
  });
}
