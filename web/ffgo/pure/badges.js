/** Where a subject's badge goes: outside its box, where it covers no other subject, else into its corner. Pure. */

const [WIDTH, HEIGHT] = [86, 16];

/** The badge's top-left corner; `box` and `others` are {left, top, right, bottom}, all in pixels of the screen. */
export function badgeCorner(box, others, [width, height]) {
  const corners = [
    [box.left, box.top - HEIGHT],
    [box.left - WIDTH, box.top],
    [box.left, box.bottom],
    [box.right, box.top],
  ];
  const inside = [Math.max(box.left, 0), Math.max(box.top, 0)];
  const isFree = (corner) => isOnFrame(corner, width, height) && !others.some((other) => covers(corner, other));
  return corners.find(isFree) ?? inside;
}

/** What a badge covers that has this corner. */
export const badgeAt = ([left, top]) => ({ left, top, right: left + WIDTH, bottom: top + HEIGHT });

const isOnFrame = ([x, y], width, height) => x >= 0 && y >= 0 && x + WIDTH <= width && y + HEIGHT <= height;
const covers = ([x, y], other) =>
  x < other.right && x + WIDTH > other.left && y < other.bottom && y + HEIGHT > other.top;
