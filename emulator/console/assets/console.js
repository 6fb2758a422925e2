// The page as a whole: news come in, and pictures are drawn of the trace that is chosen.

const list = storyList(choose);
const pictures = { sequence: sequenceView(part("sequence")), waterfall: waterfallView(part("waterfall")) };
let tab = "sequence";
let following = true; // the newest boot, until a trace is chosen
let drawing = false;
let outdated = false;

orderForm(() => {
  following = true;
});

function waterfallView(place) {
  const view = waterfall(place);
  return {
    async show(story) {
      const answer = await fetch(`stories/${encodeURIComponent(story.id)}/waterfall.json`);
      if (answer.ok) view.show(await answer.json());
    },
  };
}

function choose(id) {
  following = false;
  select(id);
}

function select(id) {
  list.select(id);
  showLinks();
  draw();
}

/** Draw what is chosen; what changes while that is done is drawn afterwards, once. */
async function draw() {
  outdated = true;
  if (drawing) return;
  drawing = true;
  while (outdated) {
    outdated = false;
    const story = list.get(list.selected);
    part("nothing").hidden = Boolean(story);
    for (const name of Object.keys(pictures)) part(name).hidden = !story || name !== tab;
    if (story) await pictures[tab].show(story).catch(() => {});
  }
  drawing = false;
}

function showLinks() {
  const story = list.get(list.selected);
  if (!story) return part("links").replaceChildren();
  const save = element("a", { href: `stories/${encodeURIComponent(story.id)}/trace.html`, download: "" }, "Save as HTML");
  const jaeger = known.jaeger ? [element("a", { href: `${known.jaeger}/trace/${story.trace}`, target: "_blank", rel: "noreferrer" }, "Open in Jaeger")] : [];
  part("links").replaceChildren(element("code", {}, story.trace), save, ...jaeger);
}

function show(name) {
  tab = name;
  for (const other of Object.keys(pictures)) {
    part(`show-${other}`).setAttribute("aria-selected", other === tab);
    part(`show-${other}`).tabIndex = other === tab ? 0 : -1;
  }
  draw();
}

function takeStories(told) {
  const fresh = told.filter(({ id, background }) => !background && !list.get(id));
  list.take(told);
  const newest = fresh.sort((one, other) => other.began - one.began)[0];
  const current = list.get(list.selected);
  if (following && newest && (!current || newest.began > current.began)) select(newest.id);
  else if (told.some(({ id }) => id === list.selected)) select(list.selected);
}

for (const name of Object.keys(pictures)) part(`show-${name}`).addEventListener("click", () => show(name));
part("tabs").addEventListener("keydown", (event) => {
  if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
  const other = Object.keys(pictures).find((name) => name !== tab);
  show(other);
  part(`show-${other}`).focus();
});

const NEWS = {
  instance: ([instance]) => instance === known.instance || location.reload(),
  servers: ([told]) => {
    paintServers(told);
    list.name(told.servers);
    if (told.count && list.isEmpty) part("nothing").textContent = "Servers, but no spans: is the SDK switched off, or its sampler?";
  },
  queues: paintQueues,
  stories: takeStories,
  forgotten: (ids) => {
    list.drop(ids);
    if (list.selected !== null && !list.get(list.selected)) select(null);
  },
};
let news = null;

/** Hear the news while the page is seen: a browser has six connections for a console, and all its pages share them. */
function listen() {
  news?.close();
  if (document.hidden) return;
  news = new EventSource("events");
  for (const [kind, take] of Object.entries(NEWS)) news.addEventListener(kind, (event) => take(JSON.parse(event.data)));
  news.addEventListener("open", () => {
    list.forget();
    say("live", "live");
  });
  news.addEventListener("error", () => say("the emulator is away", "away"));
}

function say(words, style) {
  part("connection").textContent = words;
  part("connection").className = style;
}

document.addEventListener("visibilitychange", listen);
listen();
