// The traces as they arrive, the newest first.

function storyList(chosen) {
  const stories = new Map();
  const rows = new Map();
  const list = part("stories");
  let selected = null;
  const names = new Map(); // of servers, by id

  part("background").addEventListener("change", paint);
  list.addEventListener("click", (event) => {
    const row = event.target.closest(".story");
    if (row) chosen(row.dataset.id);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const ids = [...list.children].map(({ dataset }) => dataset.id);
    const next = ids[Math.min(Math.max(ids.indexOf(selected) + step, 0), ids.length - 1)];
    if (next) chosen(next);
  });

  function paint() {
    const shown = [...stories.values()]
      .filter(({ background }) => !background || part("background").checked)
      .sort((one, other) => other.began - one.began);
    arrange(list, shown.map(rowFor));
  }

  function rowFor(story) {
    if (!rows.has(story.id)) rows.set(story.id, makeStory(story));
    const row = rows.get(story.id);
    fillStory(row, story, names.get(story.server));
    row.setAttribute("aria-selected", story.id === selected);
    return row;
  }

  return {
    get: (id) => stories.get(id),
    get selected() {
      return selected;
    },
    select(id) {
      const isNew = selected !== id;
      selected = id;
      paint();
      if (isNew) rows.get(id)?.scrollIntoView({ block: "nearest" });
      list.removeAttribute("aria-activedescendant");
      if (rows.has(id)) list.setAttribute("aria-activedescendant", rows.get(id).id);
    },
    take(told) {
      for (const story of told) stories.set(story.id, story);
      paint();
    },
    drop(ids) {
      for (const id of ids) {
        stories.delete(id);
        rows.delete(id);
      }
      paint();
    },
    get isEmpty() {
      return stories.size === 0;
    },
    name(servers) {
      for (const { id, name } of servers) names.set(id, name); // also of those that are gone by now
      paint();
    },
    /** What is remembered there now is all that there is. */
    forget() {
      stories.clear();
      rows.clear();
      list.replaceChildren();
    },
  };
}

function makeStory({ id }) {
  const names = ["state", "title", "fault", "counts", "duration"];
  return element("div", { class: "story", role: "option", id: `story-${id}`, "data-id": id }, ...names.map((name) => element("span", { class: name })));
}

function fillStory(row, story, server) {
  const [state, title, fault, counts, duration] = row.children;
  row.classList.toggle("running", story.running);
  row.classList.toggle("failed", story.errors > 0);
  state.textContent = story.running ? "●" : story.errors ? "✗" : "✓";
  title.textContent = `${story.service} · ${story.title}${server ? ` ${server}` : ""}`;
  fault.textContent = story.fault && `⚑ ${story.fault}`;
  counts.textContent = `${story.spans} spans${story.errors ? `, ${story.errors} failed` : ""}`;
  duration.textContent = formatDuration(story.duration);
}
