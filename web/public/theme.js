// Runs before the first paint, so a chosen theme or density never flashes the other one. Without a choice the system decides.
try {
  var theme = localStorage.getItem("trapline.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  var density = localStorage.getItem("trapline.density");
  if (density === "compact" || density === "comfortable") document.documentElement.dataset.density = density;
} catch (_) {
  // Storage is off: the system's theme it is.
}
