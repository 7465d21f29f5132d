/** Calls to the studio, and the socket by which it tells. */

/** What could not be done, with a sentence for people. */
export class Refused extends Error {
  /** @param {string} sentence @param {number} status */
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

/** @param {string} path @param {RequestInit} [init] @returns {Promise<any>} */
async function call(path, init) {
  const answer = await fetch(path, { credentials: "same-origin", ...init });
  const body = answer.headers.get("content-type")?.includes("json") ? await answer.json() : null;
  if (!answer.ok) {
    const said = body?.error ?? body?.detail ?? body?.said ?? body?.text;
    throw new Refused(typeof said === "string" ? said : `${answer.status} ${answer.statusText}`, answer.status);
  }
  return body;
}

/** @param {string} path @param {unknown} body */
export function post(path, body) {
  return call(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** @param {string} path @param {Record<string, unknown>} [query] @param {AbortSignal} [signal] */
export function get(path, query = {}, signal) {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === "") continue;
    asked.set(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  const tail = asked.toString();
  return call(tail ? `${path}?${tail}` : path, { signal });
}

/** Send a file as it is, to be opened or, as footage, to be indexed. What is broken off answers null.
 * @param {File} file @param {(share: number) => void} [told] @param {"film" | "footage"} [use]
 * @param {AbortSignal} [signal] @returns {Promise<any>} */
export function upload(file, told = () => {}, use = "film", signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    if (signal?.aborted) return resolve(null);
    signal?.addEventListener("abort", () => request.abort());
    request.onabort = () => resolve(null);
    request.open("POST", `/api/upload?name=${encodeURIComponent(file.name)}&use=${use}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && told(event.loaded / event.total);
    request.onerror = () => reject(new Refused("The file could not be sent.", 0));
    request.onload = () => {
      const body = request.response;
      if (request.status < 300) resolve(body);
      else reject(new Refused(body?.error ?? body?.detail ?? String(request.status), request.status));
    };
    return request.send(file);
  });
}

/** The socket: opens itself again when it was lost.
 * @param {{told: (message: any) => void, open: () => void, lost: () => void}} hooks */
export function listen(hooks) {
  /** @type {WebSocket | null} */
  let socket = null;
  let wait = 300;
  const open = () => {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket`);
    socket.onopen = () => {
      wait = 300;
      socket?.send(JSON.stringify({ type: "hello" }));
      hooks.open();
    };
    socket.onmessage = (event) => hooks.told(JSON.parse(event.data));
    socket.onclose = () => {
      hooks.lost();
      setTimeout(open, wait);
      wait = Math.min(4000, wait * 1.7);
    };
  };
  open();
  return {
    /** @param {unknown} message */
    send(message) {
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    },
  };
}
