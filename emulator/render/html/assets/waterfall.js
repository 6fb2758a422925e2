// The waterfall as a whole: `waterfall(place)` fills an element, `show(model)` shows traces in it, now and again.

function waterfall(place) {
  const parts = build(place);
  const tip = tooltip(parts.frame);
  const links = arrows(parts.rows);
  const strip = overview(parts.overview, (left, right) => time.show(left * trace.whole, right * trace.whole));
  const scale = ruler(parts.ruler, parts.grid);
  const info = details(parts.details, { close: () => select(null), follow: { find: findLinked, go: followLink } });
  const all = list(parts.scroller, parts.rows, { count: () => tree.length, paint, painted });

  let model = { traces: [], services: {}, resources: [] };
  let trace = { id: "", spans: [], whole: 1 };
  let tree = forest([]);
  let time = view(1, () => {});
  let found = search([]);
  let selected = null; // the number of a span
  let isCritical = true;

  selecting(parts.frame, parts.ruler, parts.brush, (left, right) => time.show(time.time(left), time.time(right)));
  new ResizeObserver(redraw).observe(parts.frame);
  window.addEventListener("beforeprint", () => all.whole(true));
  window.addEventListener("afterprint", () => all.whole(false));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  /** Show the traces of a model; a trace that was shown already keeps its place, its zoom and what is folded in it. */
  function show(wanted, traceId = trace.id) {
    model = wanted;
    parts.picker.replaceChildren(...model.traces.map(optionFor));
    parts.picker.hidden = model.traces.length < 2;
    const first = model.traces.find(({ id }) => id === model.shown);
    pick(model.traces.find(({ id }) => id === traceId) ?? first);
  }

  function pick(picked) {
    const before = picked.id === trace.id ? remember() : null;
    trace = { ...picked, whole: Math.max(picked.duration, 1) };
    trace.links = linksIn(trace);
    tree = forest(trace.spans);
    time = view(trace.whole, repaint);
    found = search(trace.spans);
    selected = null;
    parts.picker.value = trace.id;
    parts.headline.replaceChildren(...headline(trace));
    if (before) recall(before);
    else parts.scroller.scrollTop = 0;
    find();
    select(selected, { quietly: true });
    redraw();
  }

  function remember() {
    return {
      folded: new Set(trace.spans.filter((_, number) => tree.isFolded(number)).map(({ id }) => id)),
      selected: trace.spans[selected]?.id,
      view: time.isWhole ? null : [time.from, time.to],
    };
  }

  function recall({ folded, selected: id, view: part }) {
    tree.fold([...trace.spans.keys()].filter((number) => folded.has(trace.spans[number].id)));
    const number = trace.spans.findIndex((span) => span.id === id);
    if (number >= 0) selected = number;
    if (part) time.show(...part);
  }

  function redraw() {
    strip.paint(trace, model.services);
    repaint();
  }

  function repaint() {
    if (!trace.spans.length) return;
    scale.paint(time);
    strip.paintView(time, trace.whole);
    parts.unzoom.hidden = time.isWhole;
    all.refresh();
  }

  function paint(row, position) {
    const number = tree.at(position);
    const span = trace.spans[number];
    paintRow(row, isCritical ? span : { ...span, critical: [] }, {
      number,
      colour: model.services[span.service],
      view: time,
      isFolded: tree.isFolded(number),
      isSelected: number === selected,
      isMatch: found.has(number),
      isDimmed: found.asked !== "" && !found.has(number),
      position: position + 1,
    });
  }

  function painted(first, last, rowHeight) {
    const width = parts.ruler.clientWidth;
    links.paint(trace.links ?? [], { forest: tree, view: time, first, last, rowHeight, width, near: selected });
  }

  /** Select a span, and bring it into sight; null selects none. */
  function select(number, { quietly = false } = {}) {
    selected = number;
    if (number === null) {
      info.hide();
      parts.scroller.removeAttribute("aria-activedescendant");
    } else {
      tree.reveal(number);
      if (!quietly) all.bringIntoSight(tree.rowOf(number));
      parts.scroller.setAttribute("aria-activedescendant", `span-${trace.spans[number].id}`);
      if (!quietly || !parts.details.hidden) info.show(trace.spans[number], trace, model.resources[trace.spans[number].resource]);
    }
    repaint();
  }

  function toggle(number) {
    if (tree.isFolded(number)) tree.unfold([number]);
    else tree.fold([number]);
    repaint();
  }

  function foldAll() {
    const below = [...trace.spans.keys()].filter((number) => trace.spans[number].depth > 0);
    const isFolded = below.some((number) => tree.isFolded(number));
    if (isFolded) tree.unfold(below);
    else tree.fold(below);
    repaint();
  }

  function find() {
    found.find(parts.query.value);
    const place = found.found.indexOf(selected);
    const words = place < 0 ? found.found.length : `${place + 1} of ${found.found.length}`;
    parts.matches.textContent = found.asked ? `${words}` : "";
    repaint();
  }

  function go(numbers, step) {
    const next = nextOf(numbers, selected ?? (step > 0 ? -1 : Infinity), step);
    if (next !== undefined) select(next);
    find();
  }

  const goToMatch = (step) => go(found.found, step);
  const goToError = (step) => go([...trace.spans.keys()].filter((number) => trace.spans[number].failed), step);

  function move(rows) {
    const row = selected === null ? 0 : tree.rowOf(selected) + rows;
    select(tree.at(Math.min(Math.max(row, 0), tree.length - 1)));
  }

  function goIn() {
    if (selected === null) move(0);
    else if (tree.isFolded(selected)) toggle(selected);
    else if (trace.spans[selected].below) select(selected + 1);
  }

  function goOut() {
    if (selected === null) return;
    if (trace.spans[selected].below && !tree.isFolded(selected)) toggle(selected);
    else if (tree.parentOf(selected) >= 0) select(tree.parentOf(selected));
  }

  function zoomToSpan() {
    if (selected === null) return;
    const span = trace.spans[selected];
    const margin = Math.max((span.end - span.start) * 0.1, NARROWEST);
    time.show(span.start - margin, span.end + margin);
  }

  function middle() {
    if (selected === null) return time.time(0.5);
    return Math.min(Math.max(trace.spans[selected].start, time.from), time.to);
  }

  function showCritical() {
    isCritical = !isCritical;
    parts.critical.setAttribute("aria-pressed", isCritical);
    repaint();
  }

  function findLinked(link) {
    const target = model.traces.find(({ id }) => id === link.trace);
    return target?.spans.find(({ id }) => id === link.span);
  }

  function followLink(link) {
    if (link.trace !== trace.id) pick(model.traces.find(({ id }) => id === link.trace));
    select(trace.spans.findIndex(({ id }) => id === link.span));
  }

  const keys = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    PageDown: () => move(all.rowsInSight),
    PageUp: () => move(-all.rowsInSight),
    Home: () => move(-Infinity),
    End: () => move(Infinity),
    ArrowRight: goIn,
    ArrowLeft: goOut,
    Enter: () => select(selected ?? tree.at(0)),
    " ": () => selected !== null && toggle(selected),
    "/": () => parts.query.focus(),
    n: () => goToMatch(1),
    N: () => goToMatch(-1),
    e: () => goToError(1),
    E: () => goToError(-1),
    c: showCritical,
    x: foldAll,
    z: zoomToSpan,
    "+": () => time.zoom(0.5, middle()),
    "-": () => time.zoom(2, middle()),
    0: () => time.showWhole(),
    "?": () => (parts.help.open ? parts.help.close() : parts.help.showModal()),
    Escape: () => select(null),
  };

  function press(event) {
    const isOurs = (event.target === document.body && place.offsetParent) || place.contains(event.target);
    const isTyping = event.target.closest?.("input, select, textarea, dialog");
    const isPressing = event.target.closest?.("button") && [" ", "Enter"].includes(event.key);
    if (!isOurs || isTyping || isPressing || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
    if (!act || !trace.spans.length) return;
    event.preventDefault();
    act();
  }

  function type(event) {
    if (event.key === "Enter") goToMatch(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") {
      parts.query.value = "";
      find();
      parts.scroller.focus();
    }
  }

  function click(event) {
    const row = event.target.closest(".row");
    if (!row) return;
    const number = Number(row.dataset.number);
    if (event.target.closest(".fold") && trace.spans[number].below) toggle(number);
    else select(number);
  }

  function hover(event) {
    const row = event.pointerType === "mouse" && !event.buttons && event.target.closest(".row");
    if (row) tip.show(trace.spans[Number(row.dataset.number)], event);
    else tip.hide();
  }

  function wheel(event) {
    if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
    event.preventDefault();
    const box = parts.ruler.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    if (event.ctrlKey) time.zoom(event.deltaY > 0 ? 1.25 : 0.8, time.time(share));
    else time.pan((event.deltaX || event.deltaY) / 600);
  }

  parts.picker.addEventListener("change", () => pick(model.traces.find(({ id }) => id === parts.picker.value)));
  parts.query.addEventListener("input", find);
  parts.query.addEventListener("keydown", type);
  parts.critical.addEventListener("click", showCritical);
  parts.fold.addEventListener("click", foldAll);
  parts.unzoom.addEventListener("click", () => time.showWhole());
  parts.ask.addEventListener("click", keys["?"]);
  parts.rows.addEventListener("click", click);
  parts.frame.addEventListener("pointermove", hover);
  parts.frame.addEventListener("pointerleave", () => tip.hide());
  parts.frame.addEventListener("wheel", wheel, { passive: false });
  parts.ruler.addEventListener("dblclick", () => time.showWhole());
  document.addEventListener("keydown", press);
  resizing(parts.divider, place);
  return { show, focus: () => parts.scroller.focus() };
}
