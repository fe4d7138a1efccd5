// api: the server's own HTTP, /v1/…, with the cookie that the token became.  What fails says why and what to do.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function query(members) {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(members ?? {}))
    if (value !== undefined && value !== null && value !== "") text.set(name, value);
  return text.size ? "?" + text : "";
}

async function refuse(answer) {
  let message = `The server answered with status ${answer.status}.`;
  try {
    const body = await answer.json();
    message = body.message ?? body.Message ?? message;
  } catch { /* no JSON: the status must do */ }
  if (answer.status === 403)
    message = "This browser is not known to the server (any more). Run `sculler dashboard` where it runs, and open what it prints.";
  throw new ApiError(answer.status, message);
}

async function ask(method, path, body, signal) {
  let answer;
  try {
    answer = await fetch(path, {
      method, signal,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The server does not answer. Is it running? This page asks again when you reload it.");
  }
  return answer.ok ? answer : refuse(answer);
}

export const get = async (path, members, signal) => (await ask("GET", path + query(members), undefined, signal)).json();
export const post = async (path, body) => (await ask("POST", path, body)).json();
export const drop = (path) => ask("DELETE", path);
export const put = async (path, body) => (await ask("PUT", path, body)).json();

// What may not be there: null instead of an error.
export async function getOr(fallback, path, members, signal) {
  try {
    return await get(path, members, signal);
  } catch (error) {
    if (error instanceof ApiError && error.status >= 400 && error.status !== 403) return fallback;
    throw error;
  }
}

// Lines of JSON as they come, until the signal ends it.  on_line gets each object.
export async function follow(path, members, signal, onLine) {
  const answer = await ask("GET", path + query(members), undefined, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line) onLine(JSON.parse(line));
  }
}

export const enc = encodeURIComponent;
