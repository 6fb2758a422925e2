// The whole trace in a strip: a thin line a span, and what of it is shown below.

function overview(place, zoom) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const [before, after] = [element("div", { class: "shade" }), element("div", { class: "shade" })];
  const brush = element("div", { class: "brush", hidden: true });
  place.append(canvas, before, after, brush);
  selecting(place, place, brush, (left, right) => zoom(left, right));

  function paint(trace, colours) {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [place.clientWidth, place.clientHeight];
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const inner = height - 8;
    const line = Math.max(inner / trace.spans.length, 1);
    const failed = getComputedStyle(place).color;
    trace.spans.forEach((span, number) => {
      pen.fillStyle = span.failed ? failed : colours[span.service];
      const left = (span.start / trace.whole) * width;
      const right = (span.end / trace.whole) * width;
      pen.fillRect(left, 4 + (number / trace.spans.length) * inner, Math.max(right - left, 1), Math.min(line * 0.8, 3));
    });
  }

  return {
    paint,
    paintView(view, whole) {
      before.style.width = `${(view.from / whole) * 100}%`;
      after.style.left = `${(view.to / whole) * 100}%`;
      after.style.width = `${(1 - view.to / whole) * 100}%`;
    },
  };
}
