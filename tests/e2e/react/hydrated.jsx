// The app of the hydration tests: rendered by a server (react.test.mjs) to HTML, and taken over by a page.
import { hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { connect } from "trueup";
import { TrueupProvider, useApi, useFlag, useStanding } from "trueup/react";

function Shop() {
  const short = useFlag("short", false);
  const { limit } = useFlag("object", { limit: 0 });
  const { status } = useStanding();
  const { plan } = useApi("orders");
  (globalThis.shown ??= []).push(`${short} ${limit} ${status} ${plan.outcome}`);
  return (
    <p id="shop">
      {short ? <b>short</b> : <i>long</i>} {limit} <span className={status}>{status}</span> {plan.outcome}
    </p>
  );
}

const options = { build: { id: "b1", version: "1.0.0" }, apis: { orders: ["2"] }, flags: { context: { targetingKey: "ada" } } };

/** On the server. */
export const render = (initial) =>
  renderToString(
    <TrueupProvider client={connect(options)} initial={initial}>
      <Shop />
    </TrueupProvider>,
  );

if (globalThis.document) {
  window.faults = [];
  window.client = connect({ ...options, poll: { everySeconds: 1 } });
  const text = document.getElementById("initial")?.textContent;
  const app = (
    <TrueupProvider client={client} initial={text && JSON.parse(text)}>
      <Shop />
    </TrueupProvider>
  );
  window.atStart = client.flags.get("short", false);
  hydrateRoot(document.getElementById("root"), app, { onRecoverableError: (error) => faults.push(String(error)) });
}
