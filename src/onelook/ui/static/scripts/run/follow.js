/** Following a run: by server-sent events, which say that there is something new; by asking now and then where they do not come. */

const SOON = 300;
const OFTEN = 2000;
const SELDOM = 5000;

const SIGNED_OUT = 401;

/** Call `look` whenever there may be something new, until it answers that no more is to come; `tell` what goes wrong meanwhile.
 *  Who does not sign in again is not asked every few seconds: it stops, and `tell` is told so. Returns a function that stops this. */
export function follow(path, look, tell) {
  const source = new EventSource(`${path}/events`);
  let timer = 0;
  let ended = false;
  let looking = false;

  async function now() {
    clearTimeout(timer);
    if (ended || looking) return;
    looking = true;
    try {
      if (!(await look())) return stop();
    } catch (error) {
      if (error.status === SIGNED_OUT) stop();
      tell(error.message, ended);
    } finally {
      looking = false;
    }
    if (!ended) timer = setTimeout(now, source.readyState === EventSource.OPEN ? SELDOM : OFTEN);
  }

  function soon() {
    if (ended) return;
    clearTimeout(timer);
    timer = setTimeout(now, SOON);
  }

  function stop() {
    ended = true;
    clearTimeout(timer);
    source.close();
  }

  source.addEventListener("progress", soon);
  source.addEventListener("state", soon);
  now();
  return stop;
}
