// The app of react.test.mjs, on a client that the test drives: components that count their renders.
import { createContext, StrictMode, startTransition, Suspense, use, useContext, useLayoutEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { createBrowserRouter, Form, Link, Outlet, RouterProvider, useBlocker } from "react-router";
import { TrueupProvider, useApi, useFlag, useHold, useRefresh, useStanding, useTakeNavigation } from "trueup/react";
import { createTestClient } from "trueup/testing";

const renders = {};
const count = (name) => void (renders[name] = (renders[name] ?? 0) + 1);

function Flag({ name, fallback, label = name }) {
  const value = useFlag(name, fallback);
  count(label);
  return <output id={label}>{JSON.stringify(value)}</output>;
}

function Standing() {
  const { status } = useStanding();
  count("standing");
  return <output id="standing">{status}</output>;
}

function Api() {
  const { plan } = useApi("orders");
  count("api");
  return <output id="api">{plan.version}</output>;
}

function Refresh() {
  const { state, now, defer } = useRefresh();
  count("refresh");
  return (
    <p>
      <output id="refresh">{state.phase}</output>
      <button onClick={now}>now</button>
      <button onClick={defer}>later</button>
    </p>
  );
}

function Upload() {
  useHold("upload");
  return null;
}

function Parts() {
  count("parts");
  const [uploading, upload] = useState(true);
  return (
    <>
      <Flag name="a" fallback={false} />
      <Flag name="b" fallback="none" />
      <Flag name="object" fallback={{ limit: 0 }} />
      <Standing />
      <Api />
      <Refresh />
      {uploading && <Upload />}
      <button onClick={() => upload(false)}>uploaded</button>
    </>
  );
}

/** Holds a render up, so that the client can change in the middle of it. */
function Slow({ children }) {
  const end = performance.now() + 15;
  while (performance.now() < end);
  return children;
}

function Torn() {
  const [rows, show] = useState(0);
  window.grow = () => startTransition(() => show(12));
  useLayoutEffect(() => {
    const shown = new Set([...document.querySelectorAll(".row")].map((row) => row.textContent));
    if (shown.size > 1) window.torn = [...shown];
    window.rows = document.querySelectorAll(".row").length;
  });
  return Array.from({ length: rows }, (_, row) => (
    <Slow key={row}>
      <Row />
    </Slow>
  ));
}

const Row = () => <i className="row">{useFlag("a", false) ? "on" : "off"}</i>;

const Later = createContext();
const Waiting = () => (use(useContext(Later)), (<Flag name="a" fallback={false} label="waited" />));

function Root() {
  const take = useTakeNavigation();
  useBlocker(take);
  return (
    <>
      <Link to="/app/target?q=1#part">target</Link>
      <Form method="post" action="/app/target">
        <button>send</button>
      </Form>
      <output id="path">{location.pathname}</output>
      <Outlet />
    </>
  );
}

window.start = ({ strict, part }) => {
  const client = createTestClient({ apis: { orders: "3" }, flags: { a: false, b: "one", object: { limit: 5 } } });
  const later = new Promise((resume) => (window.resume = resume));
  const parts = {
    parts: <Parts />,
    torn: <Torn />,
    suspended: (
      <Later value={later}>
        <Suspense fallback={<b>waits</b>}>
          <Waiting />
        </Suspense>
      </Later>
    ),
  };
  if (part === "router") {
    const target = { path: "target", element: <h1>target</h1>, action: async ({ request }) => (window.sent = request.method) && null };
    parts.router = <RouterProvider router={createBrowserRouter([{ path: "/app", element: <Root />, children: [target] }])} />;
  }
  const app = <TrueupProvider client={client}>{parts[part]}</TrueupProvider>;
  const root = createRoot(document.getElementById("root"));
  root.render(strict ? <StrictMode>{app}</StrictMode> : app);
  Object.assign(window, { client, renders, root });
};
