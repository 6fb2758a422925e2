// The page of one file: the traces that it carries, and its light and dark.

const shown = waterfall(document.getElementById("waterfall"));
shown.show(JSON.parse(document.getElementById("traces").textContent));
shown.focus();

const theme = document.createElement("button");
theme.type = "button";
theme.title = "light or dark (t)";
theme.textContent = "◐";
document.querySelector(".tools").append(theme);

function changeTheme() {
  const style = document.documentElement.style;
  const isDark = style.colorScheme ? style.colorScheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  style.colorScheme = isDark ? "light" : "dark";
  shown.redraw();
}

theme.addEventListener("click", changeTheme);
document.addEventListener("keydown", (event) => {
  if (event.key === "t" && !event.target.closest("input, select, dialog")) changeTheme();
});
