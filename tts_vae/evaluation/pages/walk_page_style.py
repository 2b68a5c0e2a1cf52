"""How the page of a walk looks, and how it plays its sounds one after another."""

from tts_vae.evaluation.pages.page import COLOURS

STYLE = (
    COLOURS
    + """
body { margin: 0 auto; padding: 2.5rem clamp(1rem, 4vw, 3rem) 4rem; max-width: 78rem;
  font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); }
h1 { font-size: clamp(1.6rem, 4vw, 2.3rem); line-height: 1.15; margin: 0 0 .6rem; }
h2 { font-size: 1.25rem; margin: 0 0 .6rem; }
p { margin: 0 0 .9rem; overflow-wrap: anywhere; }
blockquote { margin: 0; padding-left: 1rem; border-left: 3px solid var(--accent);
  font-size: 1.1rem; font-style: italic; max-width: 46rem; }
a { color: var(--accent); }
section { margin-top: 2.2rem; padding-top: 1.2rem; border-top: 1px solid var(--line); }
.wide { display: block; width: 100%; min-width: 34rem; max-width: 66rem; height: auto; }
.stops { display: grid; gap: .9rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); }
.stops.square { grid-template-columns: repeat(var(--columns), minmax(11.5rem, 1fr)); }
.stop { margin: 0; padding: .75rem; background: var(--card); border: 1px solid var(--line);
  border-top: 4px solid var(--colour); border-radius: .6rem; display: flex;
  flex-direction: column; gap: .45rem; min-width: 0; }
.stop.playing { outline: 2px solid var(--accent); }
figcaption { font-weight: 600; }
.track { display: block; background: #0003; border-radius: .35rem; overflow: hidden; }
.mel { position: relative; display: block; }
.mel img { display: block; width: 100%; height: 5.6rem; }
.square .mel img { height: 3.6rem; }
.mel i { position: absolute; inset: 0 auto 0 0; width: 2px; background: #fff; opacity: 0;
  left: calc(var(--at, 0) * 100%); }
.playing .mel i { opacity: .9; }
audio { width: 100%; height: 2.3rem; }
.facts, details { margin: 0; color: var(--soft); font-size: .82rem;
  font-variant-numeric: tabular-nums; }
.facts a { margin-right: .6rem; }
code { overflow-wrap: anywhere; font-size: .8rem; }
button { font: inherit; padding: .45rem 1.1rem; border-radius: 2rem; cursor: pointer;
  border: 1px solid var(--accent); background: var(--accent); color: var(--page); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin-top: .6rem; }
th, td { text-align: left; padding: .35rem 1.4rem .35rem 0; border-bottom: 1px solid var(--line); }
th[scope=row] { font-weight: 500; }
thead th { color: var(--soft); font-size: .84rem; font-weight: 500; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .9rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .84rem; }
"""
)

SCRIPT = """
const players = [...document.querySelectorAll("audio")];
const all = document.getElementById("all");
let queue = false;
const label = () => { all.innerHTML = queue ? "&#9632; Stop" : "&#9654; Play all"; };
players.forEach((player, number) => {
  const card = player.closest(".stop");
  const follow = () => {
    card.style.setProperty("--at", player.currentTime / player.duration || 0);
    if (!player.paused) requestAnimationFrame(follow);
  };
  player.addEventListener("play", () => {
    for (const other of players) if (other !== player) other.pause();
    card.classList.add("playing");
    follow();
  });
  player.addEventListener("pause", () => card.classList.remove("playing"));
  player.addEventListener("ended", () => {
    if (!queue) return;
    const next = players[number + 1];
    if (next) { next.currentTime = 0; next.play(); } else { queue = false; label(); }
  });
});
all.addEventListener("click", () => {
  queue = !queue;
  label();
  if (queue) { players[0].currentTime = 0; players[0].play(); }
  else for (const player of players) player.pause();
});
"""
