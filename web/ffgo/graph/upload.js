/** Pictures from the user's machine to the server's input folder. */

/** Files were not taken; the message says which, why, and what to do. */
export class NotTaken extends Error {}

/** Those of the files that are pictures. Throws NotTaken where none is. */
export function picturesAmong(files) {
  const chosen = files.filter(({ type }) => type.startsWith("image/"));
  if (!chosen.length) throw new NotTaken(`${notPictures(files)} Drop PNG, JPEG or WebP files.`);
  return chosen;
}

/** One sentence on the files that are no pictures; empty where all are. */
export function notPictures(files) {
  const names = files.filter(({ type }) => !type.startsWith("image/")).map(({ name }) => name);
  return names.length ? `No picture: ${names.join(", ")}.` : "";
}

/** Upload files one after the other; their names for a loader's widget. Throws NotTaken at the first that fails. */
export async function uploaded(files, fetchApi, say) {
  const names = [];
  for (const file of files) {
    say(`Uploading ${file.name} (${names.length + 1} of ${files.length})`);
    names.push(await upload(file, fetchApi));
  }
  return names;
}

async function upload(file, fetchApi) {
  const body = new FormData();
  body.append("image", file);
  const failed = (why) => new NotTaken(`${file.name} was not uploaded: ${why} Nothing was added; try again.`);
  let answer = null;
  try {
    answer = await fetchApi("/upload/image", { method: "POST", body });
  } catch {
    throw failed("the server does not answer.");
  }
  if (answer.status === 413) throw failed("it is larger than the server takes. Make it smaller.");
  if (!answer.ok) throw failed(`the server refused it (${answer.status} ${answer.statusText}).`);
  const { name, subfolder } = await answer.json();
  return subfolder ? `${subfolder}/${name}` : name;
}
