// The theme of whatever shows the view.

// JupyterLab, Notebook and VS Code tell their theme on the body; elsewhere the browser's wish counts.
export function followTheme(el) {
  const theme = () => {
    const body = document.body;
    const light = body.dataset.jpThemeLight;
    if (light !== undefined) return light === "false" ? "dark" : "light";
    if (body.classList.contains("vscode-dark") || body.classList.contains("vscode-high-contrast")) return "dark";
    return body.classList.contains("vscode-light") ? "light" : "auto";
  };
  const paint = () => { el.querySelector(".sk").dataset.theme = theme(); };
  const observer = new MutationObserver(paint);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  paint();
  return () => observer.disconnect();
}
