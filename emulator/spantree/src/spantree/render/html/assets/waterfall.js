// The waterfall as a whole: `waterfall(place)` fills an element, and `show(model)` shows traces in it, and later their updates.

function waterfall(place) {
  const parts = build(place);
  const links = arrows(parts.rows);
  const strip = overview(parts.overview, (left, right) => time.show(left * trace.length, right * trace.length));
  const scale = ruler(parts.ruler, parts.grid);
  const info = details(parts.details, { close, links: { find: findLinked, follow: followLink } });
  const rows = list(parts.scroller, parts.rows, { count: () => tree.length, paint, painted });

  let model = { traces: [], services: {}, resources: [] };
  let trace = { id: "", spans: [], length: 1 };
  let tree = forest([]);
  let time = view(1, () => {});
  let results = search([]);
  let selected = null; // the number of a span
  let showsCriticalPath = true;

  new ResizeObserver(redraw).observe(parts.frame);
  window.addEventListener("beforeprint", () => rows.showAll(true));
  window.addEventListener("afterprint", () => rows.showAll(false));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  /** Show the traces of a model. A trace that is already shown keeps its selection, zoom and folded spans. */
  function show(newModel, traceId = trace.id) {
    model = newModel;
    parts.picker.replaceChildren(...model.traces.map(optionFor));
    parts.picker.hidden = model.traces.length < 2;
    const first = model.traces.find(({ id }) => id === model.first);
    pick(model.traces.find(({ id }) => id === traceId) ?? first);
  }

  function pick(picked) {
    const before = picked.id === trace.id ? saveState() : null;
    trace = { ...picked, length: Math.max(picked.duration, 1) };
    trace.links = linksIn(trace);
    tree = forest(trace.spans);
    time = view(trace.length, repaint);
    results = search(trace.spans);
    selected = null;
    parts.picker.value = trace.id;
    parts.headline.replaceChildren(...headline(trace));
    if (before) restoreState(before);
    else parts.scroller.scrollTop = 0;
    find();
    select(selected, { isUpdate: true });
    redraw();
  }

  function saveState() {
    return {
      folded: new Set(trace.spans.filter((_, number) => tree.isFolded(number)).map(({ id }) => id)),
      selected: trace.spans[selected]?.id,
      view: time.isWhole ? null : [time.from, time.to],
    };
  }

  function restoreState({ folded, selected: id, view: part }) {
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
    strip.paintView(time, trace.length);
    parts.unzoom.hidden = time.isWhole;
    rows.refresh();
  }

  function paint(row, position) {
    const number = tree.at(position);
    const span = trace.spans[number];
    paintRow(row, showsCriticalPath ? span : { ...span, critical: [] }, {
      number,
      colour: model.services[span.service],
      stepSource: model.stepSource,
      view: time,
      isFolded: tree.isFolded(number),
      isSelected: number === selected,
      isMatch: results.has(number),
      isDimmed: results.query !== "" && !results.has(number),
    });
  }

  function painted(first, last, rowHeight) {
    const width = parts.ruler.clientWidth;
    links.paint(trace.links ?? [], { forest: tree, view: time, first, last, rowHeight, width, selected });
  }

  function close() {
    select(null);
    parts.scroller.focus();
  }

  /** Select a span; null selects none. An update neither scrolls to it nor opens its details. */
  function select(number, { isUpdate = false } = {}) {
    selected = number;
    if (number === null) {
      info.hide();
      parts.scroller.removeAttribute("aria-activedescendant");
    } else {
      tree.reveal(number);
      if (!isUpdate) {
        rows.scrollToRow(tree.rowOf(number));
        scrollToTimeOf(trace.spans[number]);
      }
      parts.scroller.setAttribute("aria-activedescendant", `span-${trace.spans[number].id}`);
      if (!isUpdate || !parts.details.hidden) info.show(trace.spans[number], trace, model.resources[trace.spans[number].resource]);
    }
    repaint();
  }

  /** Move the view to a span that is outside it. */
  function scrollToTimeOf(span) {
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
    results.find(parts.query.value);
    const { query, matches } = results;
    const position = matches.indexOf(selected);
    const count = position < 0 ? `${matches.length}` : `${position + 1} of ${matches.length}`;
    parts.matches.textContent = query ? count : "";
    repaint();
  }

  function goToNext(numbers, step) {
    const next = nextOf(numbers, selected ?? (step > 0 ? -1 : Infinity), step);
    if (next !== undefined) select(next);
    find();
  }

  const goToMatch = (step) => goToNext(results.matches, step);
  const goToError = (step) => goToNext([...trace.spans.keys()].filter((number) => trace.spans[number].failed), step);

  function move(step) {
    const row = selected === null ? 0 : tree.rowOf(selected) + step;
    select(tree.at(Math.min(Math.max(row, 0), tree.length - 1)));
  }

  function goToChild() {
    if (selected === null) move(0);
    else if (tree.isFolded(selected)) toggle(selected);
    else if (trace.spans[selected].descendants) select(selected + 1);
  }

  function goToParent() {
    if (selected === null) return;
    if (trace.spans[selected].descendants && !tree.isFolded(selected)) toggle(selected);
    else if (tree.parentOf(selected) >= 0) select(tree.parentOf(selected));
  }

  function zoomToSpan() {
    if (selected === null) return;
    const span = trace.spans[selected];
    const margin = Math.max((span.end - span.start) * 0.1, NARROWEST_VIEW);
    time.show(span.start - margin, span.end + margin);
  }

  /** The time that stays in place when keys zoom. */
  function zoomCentre() {
    if (selected === null) return time.time(0.5);
    return Math.min(Math.max(trace.spans[selected].start, time.from), time.to);
  }

  function toggleCriticalPath() {
    showsCriticalPath = !showsCriticalPath;
    parts.critical.setAttribute("aria-pressed", showsCriticalPath);
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

  function toggleHelp() {
    if (parts.help.open) parts.help.close();
    else parts.help.showModal();
  }

  const actions = {
    get trace() {
      return trace;
    },
    get time() {
      return time;
    },
    get selected() {
      return selected;
    },
    get pageSize() {
      return rows.pageSize;
    },
    select,
    move,
    goToChild,
    goToParent,
    goToMatch,
    goToError,
    find,
    toggle,
    foldAll,
    toggleCriticalPath,
    zoomToSpan,
    zoomCentre,
    toggleHelp,
  };

  parts.picker.addEventListener("change", () => pick(model.traces.find(({ id }) => id === parts.picker.value)));
  parts.query.addEventListener("input", find);
  parts.critical.addEventListener("click", toggleCriticalPath);
  parts.fold.addEventListener("click", foldAll);
  parts.unzoom.addEventListener("click", () => time.showWhole());
  parts.helpButton.addEventListener("click", toggleHelp);
  listenToPointer(parts, actions);
  listenToKeys(place, parts, actions);
  makeResizable(parts.divider, place, redraw);
  return { show, redraw, focus: () => parts.scroller.focus() };
}
