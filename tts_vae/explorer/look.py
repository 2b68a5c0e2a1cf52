"""How the page looks, and what its pictures do when they are clicked. Nothing comes from outside.

Every font is one that the reader's machine has.
"""

from tts_vae.explorer.limits import MAX_UPLOAD_MB

FONTS = ("system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
MONOSPACE = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

CSS = """
#heading h1 { font-size: 1.35rem; margin: 0; }
#heading p { margin: 0; color: var(--body-text-color-subdued); font-size: .88rem; }
#status { min-height: 1.6rem; margin: -.4rem 0; }
#status .line { border-left: 3px solid var(--border-color-primary); padding: .25rem .7rem;
  font-size: .9rem; color: var(--body-text-color-subdued); overflow-wrap: anywhere; }
#status .error { border-color: #c2410c; color: var(--body-text-color); font-weight: 600; }
#status .note { border-color: #b7791f; color: var(--body-text-color); }

.sound { contain: inline-size; }
.sound .title { font-size: .9rem; color: var(--body-text-color-subdued); margin-bottom: .35rem;
  overflow-wrap: anywhere; }
.sound .player { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; }
.sound audio { flex: 1 1 20rem; height: 2.4rem; min-width: 0; max-width: 100%; }
.sound .downloads { font-size: .85rem; color: var(--body-text-color-subdued); }
.sound .downloads a { margin-left: .5rem; color: var(--link-text-color);
  text-decoration: underline; }
.sound .scroll { overflow-x: auto; margin-top: .5rem; border-radius: .4rem;
  border: 1px solid var(--border-color-primary); }
.sound .track { position: relative; cursor: text; }
.sound .strip { position: relative; }
.sound .strip b { position: sticky; left: .4rem; display: inline-block; font-weight: 500;
  font-size: .68rem; line-height: 1rem; padding: 0 .3rem; border-radius: .2rem;
  background: color-mix(in srgb, var(--block-background-fill) 75%, transparent);
  color: var(--body-text-color); vertical-align: top; }
.sound .strip svg, .sound .spectrum img { position: absolute; inset: 0; width: 100%; height: 100%;
  display: block; }
.sound .spectrum img { object-fit: fill; }
.sound .wave { height: 4.2rem; }
.sound .wave polygon { fill: var(--color-accent); }
.sound .spectrum { height: 8rem; background: #000; }
.sound .f0 { height: 7.5rem; border-bottom: 1px solid var(--border-color-primary); }
.sound .steps .f0 { height: 13rem; }
.sound .f0 path { fill: none; stroke: var(--color-accent); stroke-width: 3.2px;
  stroke-linecap: round; vector-effect: non-scaling-stroke; }
.sound .f0 > span { position: absolute; left: 0; right: 0;
  border-top: 1px solid var(--border-color-primary); }
.sound .f0 em { position: sticky; left: .4rem; display: inline-block; font-style: normal;
  font-size: .62rem; line-height: .8rem; transform: translateY(-1rem); padding: 0 .2rem;
  color: var(--body-text-color-subdued); }
.sound .phones { position: relative; height: 1.7rem; }
.sound .phones span { position: absolute; top: 0; bottom: 0; font-size: .82rem;
  line-height: 1.7rem; text-align: center; overflow: hidden;
  border-left: 1px solid var(--border-color-primary); color: var(--body-text-color); }
.sound .phones .pause { background: var(--border-color-primary); opacity: .5; }
.sound .times { position: relative; height: 1.1rem; }
.sound .times span { position: absolute; font-size: .64rem; line-height: 1.1rem;
  padding-left: .2rem; border-left: 1px solid var(--border-color-primary);
  color: var(--body-text-color-subdued); white-space: nowrap; }
.sound .playhead { position: absolute; top: 0; bottom: 0; width: 2px; margin-left: -1px;
  left: calc(var(--at, 0) * 100%); background: #ef4444; opacity: 0; pointer-events: none; }
.sound.playing .playhead, .sound.paused .playhead { opacity: .9; }

.heard { overflow-x: auto; contain: inline-size; }
.heard table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums;
  font-size: .86rem; margin: 0; }
.heard th, .heard td { text-align: right; padding: .22rem .5rem;
  border-bottom: 1px solid var(--border-color-primary); white-space: nowrap; font-weight: 400; }
.heard td:last-child { white-space: normal; }
.heard th:first-child { text-align: left; padding-left: 0; }
.heard thead th { color: var(--body-text-color-subdued); font-size: .78rem; }
.heard .moved td { font-weight: 650; }
.heard p { margin: .4rem 0 0; font-size: .76rem; color: var(--body-text-color-subdued); }
.swatch { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%;
  margin-right: .35rem; vertical-align: baseline; }

.latent-map { width: 100%; height: auto; display: block; cursor: crosshair; touch-action: none; }
.latent-map .plane { fill: var(--background-fill-secondary); }
.latent-map circle { stroke-width: 1.4px; }
.latent-map .axis { font-size: 12.5px; fill: var(--body-text-color-subdued); }
.latent-map .component circle { fill: var(--block-background-fill); fill-opacity: .85;
  stroke: var(--body-text-color); stroke-width: 1.2px; }
.latent-map .component text { font-size: 10px; text-anchor: middle;
  fill: var(--body-text-color); }
.latent-map .component, .latent-map > circle { cursor: pointer; }
.latent-map .here circle, .latent-map .here path { fill: none; stroke: #ef4444;
  stroke-width: 2.2px; }
.latent-map .here, .latent-map .slot { pointer-events: none; }
.latent-map .slot rect { fill: var(--body-text-color); }
.latent-map .slot text { font-size: 12px; font-weight: 700; text-anchor: middle;
  fill: var(--block-background-fill); }
.legend { display: flex; flex-wrap: wrap; gap: .1rem .8rem; align-items: center;
  font-size: .76rem; color: var(--body-text-color-subdued); margin-top: .35rem; }
.legend .bar { display: inline-block; width: 7rem; height: .6rem; border-radius: .2rem; }
.map-note { font-size: .76rem; color: var(--body-text-color-subdued); margin: .3rem 0 0; }

.recipe h4 { font-size: .82rem; margin: .4rem 0 .2rem; display: flex; gap: .8rem;
  align-items: center; color: var(--body-text-color-subdued); }
.recipe pre { margin: 0; padding: .6rem .7rem; font-size: .78rem; white-space: pre-wrap;
  overflow-wrap: anywhere; background: var(--background-fill-secondary);
  border-radius: .4rem; font-family: var(--font-mono); }
.recipe .copy { font-size: .74rem; padding: .05rem .5rem; border-radius: .3rem; cursor: pointer;
  border: 1px solid var(--border-color-primary); color: var(--body-text-color); }
.slots { font-size: .84rem; color: var(--body-text-color-subdued); overflow-wrap: anywhere; }
.slots b { color: var(--body-text-color); }

.sliders .block { padding: .35rem .6rem !important; }
.dimensions .form { display: grid; background: var(--block-background-fill);
  grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); }
.sliders .min_value, .sliders .max_value { font-size: .66rem; }
h3 { font-size: 1rem; margin: 0; }
"""

MAP_SCRIPT = """
element.addEventListener("click", (event) => {
  const picture = event.target.closest("svg.latent-map");
  if (!picture) return;
  const place = new DOMPoint(event.clientX, event.clientY)
    .matrixTransform(picture.getScreenCTM().inverse());
  trigger("click", { x: place.x, y: place.y });
});
"""
"""A click on the map -> where, in the drawing's own units."""

SOUND_SCRIPT = """
const follow = (player) => {
  const sound = player.closest(".sound");
  if (!sound) return;
  sound.style.setProperty("--at", player.currentTime / player.duration || 0);
  if (!player.paused) requestAnimationFrame(() => follow(player));
};
element.addEventListener("play", (event) => {
  event.target.closest(".sound").classList.add("playing");
  follow(event.target);
}, true);
element.addEventListener("pause", (event) => {
  event.target.closest(".sound")?.classList.replace("playing", "paused");
}, true);
element.addEventListener("seeking", (event) => follow(event.target), true);
element.addEventListener("click", (event) => {
  const track = event.target.closest(".track");
  if (!track || track.closest(".steps")) return;
  const player = track.closest(".sound").querySelector("audio");
  const box = track.getBoundingClientRect();
  player.currentTime = (event.clientX - box.left) / box.width * player.duration;
  player.play();
});
"""
"""The playhead follows the sound, and a click on the pictures plays from there."""

COPY_SCRIPT = """
element.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  await navigator.clipboard.writeText(button.closest(".recipe").querySelector("pre").innerText);
  button.innerText = "copied";
  setTimeout(() => { button.innerText = "copy"; }, 1200);
});
"""

HEAD = """
<style>
/* gradio puts its own frame before every rule of CSS, so what is about the frame stands here */
.gradio-container .app.app { max-width: 1500px; }
@media (max-width: 640px) { .gradio-container .app.app { padding: .6rem; } }
</style>
<script>
// A slider moved by the keyboard is released when the key is; a number typed, at Enter.
document.addEventListener("keyup", (event) => {
  const keys = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp",
    "PageDown"];
  if (event.target.type === "range" && keys.includes(event.key))
    event.target.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
  if (event.target.type === "number" && event.key === "Enter") event.target.blur();
});
// Beside a slider, a number beyond an end means the end, and nothing means the start.
document.addEventListener("blur", (event) => {
  const box = event.target;
  const range = box.type === "number" && box.closest(".block")?.querySelector("[type=range]");
  if (!range) return;
  if (box.value === "") box.closest(".block").querySelector(".reset-button")?.click();
  const typed = Number(box.value);
  const [low, high] = [Number(range.min), Number(range.max)];
  if (box.value === "" || (typed >= low && typed <= high)) return;
  box.value = Math.min(Math.max(typed, low), high);
  box.dispatchEvent(new Event("input", { bubbles: true }));
}, true);
// The server refuses a large recording; the reader is told why before it is sent.
const refuseLarge = (event, files) => {
  if (!event.target.closest?.("#reference")) return;
  if (![...(files || [])].some((file) => file.size > MAX_BYTES)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  event.target.value = "";
  document.querySelector("#status [role]").innerHTML =
    '<div class="line error">The recording is larger than MAX_MB MB: cut or compress it.</div>';
};
document.addEventListener("change", (e) => refuseLarge(e, e.target.files), true);
document.addEventListener("drop", (e) => refuseLarge(e, e.dataTransfer?.files), true);
</script>
""".replace("MAX_BYTES", str(MAX_UPLOAD_MB * 2**20)).replace("MAX_MB", str(MAX_UPLOAD_MB))
