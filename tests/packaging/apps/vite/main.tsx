import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { connect } from "trueup";
import { TrueupProvider, useApi, useFlag, useStanding } from "trueup/react";
import { apis, build } from "virtual:trueup";

const everySeconds = location.search === "?still" ? 600 : 1;
const trueup = connect({
  build,
  apis: apis!,
  manifest: "trueup.json",
  poll: { everySeconds },
  countdownSeconds: 2,
  flags: { context: { targetingKey: "ada" } },
});

function App() {
  const greeting = useFlag("greeting", "none");
  const orders = useApi("orders");
  const { status } = useStanding();
  const [answer, hear] = useState("");
  const [lazy, load] = useState("load");
  useEffect(() => {
    if (orders.plan.outcome === "agreed") orders.fetch("7").then(async (response) => hear((await response.json()).version));
  }, [orders]);
  return (
    <>
      <h1 id="build" title={status}>
        {build.id}
      </h1>
      <p id="flag">{greeting}</p>
      <p id="orders">{answer}</p>
      <button
        id="lazy"
        onClick={() =>
          import("./lazy.js").then(
            ({ text }) => load(text),
            () => load("lost"),
          )
        }
      >
        {lazy}
      </button>
    </>
  );
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <TrueupProvider client={trueup}>
      <App />
    </TrueupProvider>
  </StrictMode>,
);
Object.assign(globalThis, { trueup });
