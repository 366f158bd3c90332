// The search of a site that is opened from disk. Browsers refuse workers for file: addresses, so the script of the search
// runs in a hidden frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      this.loaded = new Promise((resolve, reject) => {
        frame.addEventListener("load", () => {
          const { contentDocument: content, contentWindow: scope } = frame;
          const script = content.createElement("script");
          scope.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
          script.addEventListener("load", () => resolve(scope));
          script.addEventListener("error", reject);
          script.src = url;
          content.head.append(script);
        }, { once: true });
      });
      document.body.append(frame);
    }

    async postMessage(data) {
      const scope = await this.loaded;
      scope.dispatchEvent(new scope.MessageEvent("message", { data }));
    }
  };
}
