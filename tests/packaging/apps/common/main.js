// The app of every bundler without a framework: shows what it has from Trueup.
import { connect } from "trueup";

const show = (id, text) => (document.getElementById(id).textContent = text);
// `?still`: no poll within the test's time.
const everySeconds = location.search === "?still" ? 600 : 1;

export const trueup = connect({
  manifest: "trueup.json",
  poll: { everySeconds },
  countdownSeconds: 2,
  apis: { orders: ["3", "2"] },
  flags: { context: { targetingKey: "ada" } },
});

// Where a manifest was kept the flags are there at once, before anybody can listen.
const greet = () => show("flag", trueup.flags.get("greeting", "none"));
trueup.on("flags", greet);
greet();
trueup.ready.then(async () => {
  const answer = await trueup.api("orders").fetch("7");
  show("orders", (await answer.json()).version);
});
document.getElementById("lazy").onclick = () =>
  import("./lazy.js").then(
    ({ text }) => show("lazy", text),
    (error) => {
      show("lazy", "lost");
      // webpack says what it has lost even where the app catches it; the browser's own import() does not.
      if (typeof __webpack_require__ === "undefined") throw error;
    },
  );
show("build", document.querySelector("meta[name=trueup-build]").content);
globalThis.trueup = trueup;
