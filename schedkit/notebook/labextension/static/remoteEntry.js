// JupyterLab's sidebar: a module federation container written by hand, so that nothing has to be built. What it
// needs of JupyterLab comes from the scope that JupyterLab shares; the view is that of the notebook's panel.
(() => {
  let scope = {};
  const newest = (versions) => Object.keys(versions).sort((a, b) => a.localeCompare(b, "en", { numeric: true })).pop();

  async function shared(name) {
    const versions = scope[name];
    if (!versions) throw new Error(`schedkit: this JupyterLab shares no ${name}`);
    return (await versions[newest(versions)].get())();
  }

  const CLOCK = '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16"><path class="jp-icon3 jp-icon-selectable" fill="#616161" d="M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13zm0 1.5a5 5 0 1 1 0 10a5 5 0 1 1 0-10zm-.7 2v3.4l2.4 1.9.9-1.1-1.9-1.5V5z"/></svg>';

  async function plugin() {
    const { Widget } = await shared("@lumino/widgets");
    const { ILabShell, ILayoutRestorer } = await shared("@jupyterlab/application");
    const { ICommandPalette } = await shared("@jupyterlab/apputils");
    const { URLExt } = await shared("@jupyterlab/coreutils");
    const { ServerConnection } = await shared("@jupyterlab/services");
    const { LabIcon } = await shared("@jupyterlab/ui-components");

    class Sidebar extends Widget {
      constructor(base, request) {
        super();
        Object.assign(this, { id: "schedkit-sidebar", base, request, live: null });
        this.title.icon = new LabIcon({ name: "schedkit:clock", svgstr: CLOCK });
        this.title.caption = "Schedule";
        this.node.style.overflow = "auto";
        this.node.setAttribute("aria-label", "Schedule");
        this.node.setAttribute("role", "region");
      }
      // Hidden views are not updated.
      async onAfterShow() {
        this.starting ??= import(URLExt.join(this.base, "web/lab.js"));
        const { start } = await this.starting.catch((error) => {
          this.starting = null;
          this.node.textContent = `The schedule cannot be shown: ${error.message}. Is schedkit installed where this JupyterLab runs?`;
          return {};
        });
        if (!start) return;
        if (!this.live) this.node.textContent = "";
        if (this.isVisible) (this.live ??= start(this.node, this.base, this.request)).resume();
      }
      onBeforeHide() {
        this.live?.pause();
      }
    }

    const activate = (app, shell, palette, restorer) => {
      const settings = ServerConnection.makeSettings();
      const base = URLExt.join(settings.baseUrl, "schedkit");
      const request = (path, init = {}) => ServerConnection.makeRequest(URLExt.join(base, path), init, settings);
      const sidebar = new Sidebar(base, request);
      shell.add(sidebar, "left", { rank: 850 });
      restorer?.add(sidebar, sidebar.id);
      const show = () => app.restored.then(() => shell.activateById(sidebar.id));
      app.commands.addCommand("schedkit:show", { label: "Show the Schedule", execute: show });
      palette?.addItem({ command: "schedkit:show", category: "Schedule" });
    };
    return { id: "schedkit:sidebar", autoStart: true, requires: [ILabShell], optional: [ICommandPalette, ILayoutRestorer], activate };
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.schedkit = {
    init: (given) => { scope = given; },
    get: async () => {
      const made = await plugin();
      return () => ({ __esModule: true, default: made });
    },
  };
})();
