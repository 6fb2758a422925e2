// The time ruler above the rows, and its lines behind them.

const TICK_WIDTH = 90; // pixels

function ruler(place, grid) {
  return {
    paint(view) {
      const marks = ticks(view.from, view.to, place.clientWidth / TICK_WIDTH);
      place.replaceChildren(...marks.map(({ time, words }) => at(view.share(time), element("span", { class: "tick" }, words))));
      grid.replaceChildren(...marks.map(({ time }) => at(view.share(time), element("i", { class: "line" }))));
    },
  };
}

function at(share, made) {
  made.style.left = `${share * 100}%`;
  return made;
}
