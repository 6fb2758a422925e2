// The waterfall as a whole: `waterfall(place)` fills an element, and `show(model)` shows traces in it, now and again.

function waterfall(place) {
  const parts = build(place);
  const links = arrows(parts.rows);
  const strip = overview(parts.overview, (left, right) => time.show(left * trace.whole, right * trace.whole));
  const scale = ruler(parts.ruler, parts.grid);
  const info = details(parts.details, { close, follow: { find: findLinked, go: followLink } });
  const all = list(parts.scroller, parts.rows, { count: () => tree.length, paint, painted });

  let model = { traces: [], services: {}, resources: [] };
  let trace = { id: "", spans: [], whole: 1 };
  let tree = forest([]);
  let time = view(1, () => {});
  let found = search([]);
  let selected = null; // the number of a span
  let isCritical = true;

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
      stepSource: model.stepSource,
      view: time,
      isFolded: tree.isFolded(number),
      isSelected: number === selected,
      isMatch: found.has(number),
      isDimmed: found.asked !== "" && !found.has(number),
    });
  }

  function painted(first, last, rowHeight) {
    const width = parts.ruler.clientWidth;
    links.paint(trace.links ?? [], { forest: tree, view: time, first, last, rowHeight, width, near: selected });
  }

  function close() {
    select(null);
    parts.scroller.focus();
  }

  /** Select a span, and bring it into sight; null selects none. */
  function select(number, { quietly = false } = {}) {
    selected = number;
    if (number === null) {
      info.hide();
      parts.scroller.removeAttribute("aria-activedescendant");
    } else {
      tree.reveal(number);
      if (!quietly) {
        all.bringIntoSight(tree.rowOf(number));
        showTimeOf(trace.spans[number]);
      }
      parts.scroller.setAttribute("aria-activedescendant", `span-${trace.spans[number].id}`);
      if (!quietly || !parts.details.hidden) info.show(trace.spans[number], trace, model.resources[trace.spans[number].resource]);
    }
    repaint();
  }

  /** Move what is shown of the time to where a span is, if it is elsewhere. */
  function showTimeOf(span) {
    const width = time.to - time.from;
    if (span.end < time.from || span.start > time.to) time.show(span.start - width / 10, span.start + (width * 9) / 10);
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

  function changeCritical() {
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

  function help() {
    if (parts.help.open) parts.help.close();
    else parts.help.showModal();
  }

  const own = {
    get trace() {
      return trace;
    },
    get time() {
      return time;
    },
    get selected() {
      return selected;
    },
    get rowsInSight() {
      return all.rowsInSight;
    },
    select,
    move,
    goIn,
    goOut,
    goToMatch,
    goToError,
    find,
    toggle,
    foldAll,
    changeCritical,
    zoomToSpan,
    middle,
    help,
  };

  parts.picker.addEventListener("change", () => pick(model.traces.find(({ id }) => id === parts.picker.value)));
  parts.query.addEventListener("input", find);
  parts.critical.addEventListener("click", changeCritical);
  parts.fold.addEventListener("click", foldAll);
  parts.unzoom.addEventListener("click", () => time.showWhole());
  parts.ask.addEventListener("click", help);
  listenToPointer(parts, own);
  listenToKeys(place, parts, own);
  resizing(parts.divider, place, redraw);
  return { show, redraw, focus: () => parts.scroller.focus() };
}
