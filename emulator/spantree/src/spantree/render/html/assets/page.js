// The self-contained page: shows the traces that it carries, and switches between light and dark.

const shown = waterfall(document.getElementById("waterfall"));
shown.show(JSON.parse(document.getElementById("traces").textContent));
shown.focus();

function toggleTheme() {
  const style = document.documentElement.style;
  const isDark = style.colorScheme ? style.colorScheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  style.colorScheme = isDark ? "light" : "dark";
  shown.redraw();
}

document.querySelector(".tools").append(button("◐", "light or dark (t)", toggleTheme));
document.addEventListener("keydown", (event) => {
  if (event.key === "t" && !event.target.closest("input, select, dialog")) toggleTheme();
});
