/**
 * The layout "packed", computed as ffgo/frame/packing.py does, step by step in the same order, so that both find the
 * same cells. What the search is and why it is exact is written there.
 *
 * An item is {width, height, area, maxScale}; a room {width, height, gap}; a tree an item's index or
 * [beside, first, second]; a block [width, height, tree].
 */
import { PRECISION, STEP_DOWN } from "./constants.js";
import { centred, cropOf, fitSize, halves, sizeOf, slots } from "./geometry.js";

/**
 * Place the pictures ({size, visible, area}) of 1 to 8 subjects: [{crop: "visible" or "full", box}]; as published where
 * gaps leave no room.
 */
export function packedPlaces(pictures, canvas, maxUpscale, gap) {
  const crops = pictures.map((picture) => cropOf(picture, "visible"));
  const whole = pictures.map((picture) => cropOf(picture, "full"));
  const left = halves(canvas)[0];
  const items = crops.map(({ width, height }, i) => ({ width, height, area: pictures[i].area, maxScale: maxUpscale }));
  const rows = (layout, parts, crop, maxScale) => fitted(parts, slots(canvas, parts.length, layout), crop, maxScale);
  const cells = pack(items, { width: left.width, height: left.height, gap });
  if (!cells) return rows("published", crops, "visible", 1);
  const packed = fitted(crops, cells, "visible", maxUpscale);
  if (gap) return packed;
  const others = [
    fitted(crops, equalSlots(left, crops.length, 1), "visible", maxUpscale),
    fitted(crops, equalSlots(left, crops.length, 2), "visible", maxUpscale),
    rows("script", whole, "full", 1),
  ];
  const areaOf = ({ box, part }, i) => (pictures[i].area * (box.width * box.height)) / (part.width * part.height);
  const smallest = (places) => Math.min(...places.map(areaOf));
  return others.reduce((best, places) => (smallest(places) > smallest(best) ? places : best), packed);
}

const fitted = (parts, cells, crop, maxScale) =>
  parts.map((part, i) => ({ crop, part, box: centred(cells[i], fitSize(sizeOf(part), sizeOf(cells[i]), maxScale)) }));

function equalSlots(left, count, columns) {
  const [width, height] = [Math.floor(left.width / columns), Math.floor(left.height / Math.ceil(count / columns))];
  const found = Array.from({ length: count }, (_, i) => ({
    x: (i % columns) * width, y: Math.floor(i / columns) * height, width, height,
  }));
  if (count % columns) found[count - 1].width = left.width;
  return found;
}

function sidesAt(item, size) {
  const scale = Math.min(size / Math.sqrt(item.area), item.maxScale);
  return [Math.max(item.width * scale, 1), Math.max(item.height * scale, 1)];
}

const allSides = (items, size) => items.map((item) => sidesAt(item, size));
const limit = (item) => item.maxScale * Math.sqrt(item.area);

function areaIn(item, cell) {
  if (Math.min(cell.width, cell.height) < 1) return 0;
  const [width, height] = fitSize([item.width, item.height], sizeOf(cell), item.maxScale);
  return (item.area * width * height) / (item.width * item.height);
}

function measure(tree, sides, gap) {
  if (typeof tree === "number") return sides[tree];
  const [beside, first, second] = tree;
  const [firstWidth, firstHeight] = measure(first, sides, gap);
  const [secondWidth, secondHeight] = measure(second, sides, gap);
  return beside
    ? [firstWidth + gap + secondWidth, Math.max(firstHeight, secondHeight)]
    : [Math.max(firstWidth, secondWidth), firstHeight + gap + secondHeight];
}

function holds(room, tree, sides) {
  const [width, height] = measure(tree, sides, room.gap);
  return width <= room.width && height <= room.height;
}

/** One cell per item, or null if the gaps leave no room. */
function pack(items, room) {
  const found = bestTree(items, room);
  if (!found) return null;
  const sizes = grownSizes(found.tree, found.size, items, room);
  const sides = items.map((item, i) => sidesAt(item, sizes[i]));
  const whole = { x: 0, y: 0, width: room.width, height: room.height };
  return cutInto(found.tree, whole, items, sides, room)
    .sort((a, b) => a.index - b.index)
    .map((cell) => cell.box);
}

function bestTree(items, room) {
  const most = Math.max(...items.map(limit));
  const area = (size) => allSides(items, size).reduce((sum, [w, h]) => sum + w * h, 0);
  let size = largest(most, (tried) => area(tried) <= room.width * room.height);
  let blocks = joinedBlocks(allSides(items, size), room);
  while (!blocks.length) {
    if (Math.max(...allSides(items, size).flat()) === 1) return null;
    size *= STEP_DOWN;
    blocks = joinedBlocks(allSides(items, size), room);
  }
  for (;;) {
    const roomy = (block) => Math.min(room.width / block[0], room.height / block[1]);
    const tree = inReadingOrder(blocks.reduce((best, block) => (roomy(block) > roomy(best) ? block : best))[2]);
    size = largest(most, (tried) => holds(room, tree, allSides(items, tried)));
    if (size === most) return { tree, size };
    blocks = joinedBlocks(allSides(items, size * (1 + PRECISION)), room);
    if (!blocks.length) return { tree, size };
  }
}

function inReadingOrder(tree) {
  if (typeof tree === "number") return tree;
  const parts = partsOf(tree, tree[0]).map(inReadingOrder).sort((a, b) => firstItem(a) - firstItem(b));
  return parts.reduce((first, second) => [tree[0], first, second]);
}

const partsOf = (tree, beside) =>
  typeof tree === "number" || tree[0] !== beside ? [tree] : tree.slice(1).flatMap((part) => partsOf(part, beside));

const firstItem = (tree) => (typeof tree === "number" ? tree : Math.min(...tree.slice(1).map(firstItem)));

function largest(most, fits) {
  if (fits(most)) return most;
  let [low, high] = [0, most];
  while (high - low > (PRECISION / 10) * high) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

function joinedBlocks(sides, room) {
  const everything = (1 << sides.length) - 1;
  const areas = Array.from({ length: everything + 1 }, (_, mask) =>
    sides.reduce((sum, [w, h], i) => ((mask >> i) & 1 ? sum + w * h : sum), 0),
  );
  const blocks = areas.map(() => []);
  for (let mask = 1; mask <= everything; mask++) {
    const last = 31 - Math.clz32(mask);
    const rest = mask ^ (1 << last);
    const found = [];
    if (!rest && sides[last][0] <= room.width && sides[last][1] <= room.height) found.push([...sides[last], last]);
    const most = room.width * room.height - areas[everything] + areas[mask];
    for (let part = rest; part; part = (part - 1) & rest) join(blocks[mask ^ part], blocks[part], room, most, found);
    blocks[mask] = bestBlocks(found);
  }
  return blocks[everything];
}

function join(one, other, room, most, found) {
  let [i, j] = [0, 0];
  while (i < one.length && j < other.length) {
    const [[oneWidth, oneHeight, first], [otherWidth, otherHeight, second]] = [one[i], other[j]];
    const width = oneWidth + room.gap + otherWidth;
    if (width > room.width) break;
    const height = Math.max(oneHeight, otherHeight);
    i += oneHeight === height;
    j += otherHeight === height;
    if (width * height <= most) found.push([width, height, [true, first, second]]);
  }
  [i, j] = [one.length - 1, other.length - 1];
  while (i >= 0 && j >= 0) {
    const [[oneWidth, oneHeight, first], [otherWidth, otherHeight, second]] = [one[i], other[j]];
    const height = oneHeight + room.gap + otherHeight;
    if (height > room.height) break;
    const width = Math.max(oneWidth, otherWidth);
    i -= oneWidth === width;
    j -= otherWidth === width;
    if (width * height <= most) found.push([width, height, [false, first, second]]);
  }
}

function bestBlocks(blocks) {
  const best = [];
  let lowest = Infinity;
  for (const block of blocks.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (block[1] < lowest * (1 - PRECISION / 100)) {
      best.push(block);
      lowest = block[1];
    }
  }
  return best;
}

function grownSizes(tree, start, items, room) {
  const sizes = items.map(() => start);
  const fits = (size, growing) =>
    holds(room, tree, items.map((item, i) => sidesAt(item, growing.has(i) ? size : sizes[i])));
  let growing = new Set(items.keys());
  while (growing.size) {
    const most = Math.max(...[...growing].map((i) => limit(items[i])));
    const now = growing;
    const size = largest(most, (tried) => fits(tried, now));
    for (const i of growing) sizes[i] = Math.min(size, limit(items[i]));
    const larger = size * (1 + 10 * PRECISION);
    const able = [...growing].filter((i) => sizes[i] < limit(items[i]) && fits(larger, new Set([i])));
    growing = able.length === growing.size ? new Set() : new Set(able);
  }
  return sizes;
}

function cutInto(tree, cell, items, sides, room) {
  if (typeof tree === "number") return [{ area: areaIn(items[tree], cell), index: tree, box: cell }];
  const [beside, first, second] = tree;
  const along = beside ? 0 : 1;
  const need = measure(first, sides, room.gap)[along];
  const other = measure(second, sides, room.gap)[along];
  const free = sizeOf(cell)[along] - room.gap;
  const exact = (free * need) / (need + other);
  const choices = [...new Set([Math.floor(exact), Math.ceil(exact)])].map((cut) => {
    const [one, two] = split(cell, beside, cut, room.gap);
    return [...cutInto(first, one, items, sides, room), ...cutInto(second, two, items, sides, room)];
  });
  return choices.reduce((best, cells) => (compare(sortedAreas(cells), sortedAreas(best)) > 0 ? cells : best));
}

function split(box, beside, first, gap) {
  const second = first + gap;
  return beside
    ? [{ ...box, width: first }, { ...box, x: box.x + second, width: box.width - second }]
    : [{ ...box, height: first }, { ...box, y: box.y + second, height: box.height - second }];
}

const sortedAreas = (cells) => cells.map((cell) => cell.area).sort((a, b) => a - b);

function compare(one, other) {
  const i = one.findIndex((value, at) => value !== other[at]);
  return i < 0 ? 0 : one[i] - other[i];
}
