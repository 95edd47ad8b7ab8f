/** The way to the HTTP API: the session's token is sent along, an ended session is opened anew without leaving the page. */

import { askToSignIn } from "./sign-in.js";
import { text } from "./texts.js";

/** What the service refused, or that it could not be reached: `message` is for people, `errors` name the fields. */
export class Refusal extends Error {
  constructor(message, status = 0, problem = {}) {
    super(message);
    this.status = status;
    this.code = (problem.type ?? "").replace("urn:onelook:problem:", "");
    this.errors = problem.errors ?? [];
  }
}

/** Return the response to a request, like fetch. Throws Refusal for every answer that is none of 2xx, and when none came. */
export async function request(path, options = {}) {
  const response = await answer(path, options);
  if (response.ok) return response;
  throw refusal(response, await response.json().catch(() => ({})));
}

/** Return what the API answers as JSON, null where it answers nothing; a plain object as `body` is sent as JSON. */
export async function ask(path, options = {}) {
  const response = await request(path, options);
  return response.status === 204 ? null : response.json();
}

/** Return in words why something cannot be had, empty when it can: nobody is asked to sign in for that. */
export async function reasonOf(path) {
  try {
    const response = await send(path, {});
    return response.ok ? "" : refusal(response, await response.json().catch(() => ({}))).message;
  } catch (error) {
    return error.message;
  }
}

async function answer(path, options) {
  const response = await send(path, options);
  return response.status === 401 && (await askToSignIn()) ? send(path, options) : response;
}

/** `progress` is called with the share of the body that was sent so far. */
async function send(path, { body, headers, progress, ...more }) {
  const isPlain = body?.constructor === Object;
  const kind = isPlain ? { "Content-Type": "application/json" } : {};
  const csrf = document.querySelector('meta[name="csrf"]').content;
  try {
    const asked = { ...more, body: isPlain ? JSON.stringify(body) : body, headers: { "X-CSRF-Token": csrf, ...kind, ...headers } };
    return await (progress ? upload(path, asked, progress) : fetch(path, asked));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(text("script.unreachable"));
  }
}

/** Return the response to a request like fetch, which does not tell how far it is. */
function upload(path, { method, body, headers }, progress) {
  return new Promise((resolve, reject) => {
    const asking = new XMLHttpRequest();
    asking.open(method, path);
    for (const [name, value] of Object.entries(headers)) asking.setRequestHeader(name, value);
    asking.responseType = "blob";
    asking.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 1);
    asking.onload = () => resolve(new Response(asking.response, { status: asking.status, headers: retryAfter(asking) }));
    asking.onerror = asking.onabort = () => reject(new TypeError("no answer"));
    asking.send(body);
  });
}

function retryAfter(asking) {
  const seconds = asking.getResponseHeader("Retry-After");
  return seconds ? { "Retry-After": seconds } : {};
}

function refusal(response, problem) {
  if (response.status === 401) return new Refusal(text("script.signed_out"), 401, problem);
  const seconds = response.headers.get("Retry-After");
  const again = seconds ? ` ${text("script.again", { seconds })}` : "";
  return new Refusal((problem.detail ?? text("script.failed", { status: response.status })) + again, response.status, problem);
}
