/** Call `after` whenever the object's method has been called: the host's own hooks, and other packs', stay. */
export function chain(object, method, after) {
  const before = object[method];
  object[method] = function (...args) {
    const result = before?.apply(this, args);
    after.apply(this, args);
    return result;
  };
}
