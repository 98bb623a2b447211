/**
 * `trueup.api(name)`: calls by the published plan. From plan to URL and headers is plain JavaScript; the core hears only
 * of refusals and of higher serials.
 */
import { TrueupError } from "./errors.js";
import type * as T from "./types.js";
import { In, type Input, type Refusal } from "./wire.js";

/** A plan made ready for use: a tuple, for its names would be shipped. Calls in flight keep theirs. */
type Route = readonly [
  plan: T.ApiPlan,
  /** Empty only where the app names none: then nothing carries it. */
  version: string,
  /** Where `path` lies below the base, with the version if the query carries it. */
  locate: (path: string, request?: unknown) => string,
  /** The given headers, with what they carry for us. */
  carry: (url?: string, given?: HeadersInit) => Headers,
  /** Hears an answer. Where it refuses the version: resolves when that was negotiated, with whether it is by the named problem type. */
  hear: (response: Response) => Promise<readonly [named: unknown] | undefined>,
];

const KINDS = ["path", "query", "header", "accept"];
/** Answers that arrive together are told together: one negotiation serves them all. */
const TOGETHER = 50;
/** A server that tells another date every time is not listened to for ever. */
const MOST_SIGNALS = 100;

/**
 * The APIs of one client, by name: always the same object. A name that was not declared throws.
 *
 * `build`: its id, where same-origin calls are to carry it. `published`: the plan of an API; undefined before the first one,
 * and when the module is lost. `send` tells the core: what it publishes in answer is there when this returns.
 */
export function createApis(
  apis: T.Options["apis"],
  build: string | undefined,
  published: (name: string) => T.ApiPlan | undefined,
  send: (input: Input) => void,
  emit: (event: "deprecation" | "substitution", detail: object) => void,
): (name: string) => T.Api {
  const { origin, href } = globalThis.location ?? {};
  const made: { [name: string]: T.Api } = { __proto__: null } as {};
  const seen = new Set<string>();
  const refusals: Refusal[] = [];
  let told: Promise<void> | undefined;
  let serial = 0;

  /** The link is not what makes it another one: it may be relative. */
  const signal = (event: "deprecation" | "substitution", detail: object, link?: string | null) => {
    const key = JSON.stringify(detail);
    const { size } = seen;
    // Parsed: without what is undefined.
    if (size < MOST_SIGNALS && size < seen.add(key).size) emit(event, { ...JSON.parse(key), ...(link && { link }) });
  };

  const create = (api: string): T.Api => {
    const given: any = apis?.[api];
    const fail = (code: string): never => {
      throw new TrueupError("api/" + code, "apis." + api);
    };
    if (!given) fail("undeclared");
    const own: Partial<T.ApiOptions> = given.speaks ? given : { speaks: given };
    // As the core has it: the first version that is named, exactly or by an inclusive bound. A list reads as its entries with
    // commas between.
    const [, first] = /(?:(?:^|,)=?|[<>]=)([^<>=\s,]+)/.exec(own.speaks as any) ?? [];
    const open = { outcome: "unknown", reason: "no-plan", version: first } as T.ApiPlan;
    let last: Route | undefined;

    const plan = () => published(api) ?? open;

    const route = (): Route => {
      const now = plan();
      if (last?.[0] === now) return last;
      const { outcome, version = "" } = now;
      if (!version && now !== open) fail(outcome);
      const carrier: any = [now.carrier, own.carrier, { header: "Api-Version" }].find(kindOf);
      const kind = kindOf(carrier)!;
      const name: string = carrier[kind];
      const parts = absolute(kind === "path" ? name : (now.base ?? own.base ?? "/"), absolute(own.base ?? "/", href))
        .replace(/\/$/, "")
        .split(/%7Bversion%7D|{version}/i);
      const base = parts.join(encodeURIComponent(version));
      /** Matches the base with any version. */
      const below = RegExp(`^${parts.map(escaped).join("[^/?#]+?")}(?=[/?#]|$)`);

      /** The caller may name the version that the plan has, and no other. */
      const agree = (asked?: string | null) => ((asked ?? version) === version ? version : fail("contradiction"));

      const locate: Route[2] = (path, request) => {
        if (/^[a-z][a-z\d+.-]*:/i.test(path)) {
          const url = new URL(path);
          path = url.href.replace(below, "");
          // A `Request` has an absolute URL even where it was made of a relative one.
          if (path === url.href) path = request && url.origin === origin ? url.pathname + url.search : fail("path");
        }
        let [, way, query, hash] = /([^?#]*)([^#]*)(.*)/s.exec(path) as unknown as [string, string, string, string];
        // Some servers decode slashes before they look for dots.
        if (/^\/\/|[\\\0-\x1f\x7f]|(^|\/|%2f|%5c)(\.|%2e){2}(?![^/%])/i.test(way)) fail("path");
        if (version && kind === "query") {
          const asked = new URLSearchParams(query).getAll(name);
          asked.forEach(agree);
          if (!asked[0]) query = (query ? query + "&" : "?") + new URLSearchParams({ [name]: version });
        }
        // By hand: `replace` takes twice as long as all the rest.
        return base + (way && way[0] !== "/" ? "/" : "") + way + query + hash;
      };

      const carry: Route[3] = (url = base, given) => {
        const headers = new Headers(given);
        if (build && originOf(url) === origin) headers.set("Trueup-Build", encodeURI(build));
        if (version && kind === "header") headers.set(name, agree(headers.get(name)));
        if (version && kind === "accept") {
          const parameter = RegExp(`;\\s*${escaped(name)}\\s*=\\s*"?([^\\s;"]*)`, "i");
          const types = (headers.get(kind) ?? "*/*").replace(/[^,]+/g, (type) => {
            const asked = parameter.exec(type);
            agree(asked?.[1]);
            // Before the weight: what follows that is no parameter of the media type.
            return asked ? type : type.replace(/\s*(;\s*q=|$)/i, `;${name}=${version}$&`);
          });
          headers.set(kind, types);
        }
        return headers;
      };

      const hear: Route[4] = async (response) => {
        const header = (name: string): any => response.headers.get(name);
        const url = response.url || base;
        const from = originOf(url);
        // What another origin answers after a redirect is not the API's word.
        if (from !== originOf(base, url)) return;
        const higher = header("trueup-serial");
        if (/^\d{1,16}$/.test(higher) && +higher > serial && from === origin) send([In.Header, (serial = +higher)]);

        const since = header("deprecation");
        const deprecation = /^(true|\?1)$/i.test(since) || parseDate(since);
        const sunset = parseDate(header("sunset"));
        // RFC 8288: the first link with one of these relations, if it leads to a page.
        const target = /<([^<>]*)>[^<]*;\s*rel\s*=\s*("[^"]*\b|)(deprecation|sunset)\b/i.exec(header("link"));
        const link = target && /^https?:.*/.exec(absolute(target[1]!, url))?.[0];
        if ((deprecation ?? sunset) != null) signal("deprecation", { api, version, deprecation, sunset }, link);
        if (!version) return;
        const answered = header(own.echoHeader ?? (kind === "header" ? name : "Api-Version"));
        if (answered && !same(answered, version)) signal("substitution", { api, version, answered });

        // 426 has a meaning of its own: another protocol.
        if (!/^4(0[046]|10|26(?!HTTP|TLS|websocket))/i.test(response.status + header("upgrade"))) return;
        const supported = header(own.supportedHeader ?? "Api-Supported-Versions")?.match(/\d[^\s,]*/g);
        const unlisted = supported?.some((listed: string) => same(listed, version)) ? null : supported;
        const named =
          own.problemType &&
          /^application\/problem\+json/i.test(header("content-type")) &&
          (await response.clone().json().catch(Object))?.type === own.problemType;
        if (!unlisted && !named) return;
        refusals.push([api, version, unlisted]);
        await (told ??= new Promise((done) => setTimeout(done, TOGETHER)).then(() => {
          told = undefined;
          send([In.Refused, refusals.splice(0)]);
        }));
        return [named];
      };

      return (last = [now, version, locate, carry, hear]);
    };

    return {
      get plan() {
        return plan();
      },
      url: (path) => route()[2](path),
      headers: () => route()[3](),
      fetch: async (input: any, init: any) => {
        // `fetch(url, request)` is a known way to move a request: its members are not its own. A request may come from another frame.
        const request: Request | undefined = [init, input].find((given) => given?.clone);
        const given = (init !== request && init) || {};
        const { body } = given;

        /** Sends the call by the plan of this moment; throws where it contradicts that. What the answer has to say never fails it. */
        const call = () => {
          const [, version, locate, carry, hear] = route();
          const url = locate(`${input.url ?? input}`, request);
          const headers = carry(url, given.headers ?? request?.headers);
          const all: any = {};
          // Not its body: what WebKit has made a stream it does not send.
          for (const member in request) if (member !== "body") all[member] = (request as any)[member];
          const send = (body?: unknown) => fetch(url === request?.url ? request : url, { ...all, body, ...given, headers });
          const answer =
            !request || url === request.url || body || bodiless(request)
              ? send()
              : // Its body can only be had as a stream, which browsers do not send over HTTP/1.1: it is read whole first.
                request.arrayBuffer().then(send);
          return answer.then(async (response) => [response, version, await hear(response).catch(() => {})] as const);
        };

        const [response, version, refused] = await call();
        if (
          refused &&
          // Of a `Request` that has a body nobody can tell whether it was a stream.
          (body || !request ? !body?.getReader && !body?.[Symbol.asyncIterator] : bodiless(request)) &&
          // RFC 9110, section 9.2.2
          (refused[0] || /^(GET|HEAD|OPTIONS|PUT|DELETE)$/i.test(given.method ?? request?.method ?? "GET")) &&
          !same(plan().version ?? version, version)
        )
          try {
            const again = call();
            response.body?.cancel().catch(() => {});
            return again.then(([response]) => response);
          } catch {
            // The caller insists on the version that was refused.
          }
        return response;
      },
    };
  };

  return (name) => (made[name] ??= create(name));
}

const kindOf = (carrier: any) => KINDS.find((kind) => carrier?.[kind]);

const bodiless = ({ method, body }: Request) => body === null || /^(GET|HEAD)$/.test(method);

const escaped = (text: string) => text.replace(/[^\w/]/g, "\\$&");

function absolute(url: string, base?: string): string {
  try {
    return new URL(url, base).href;
  } catch {
    return url;
  }
}

const originOf = (url: string, base?: string) => /^\w+:\/\/[^/]*/.exec(absolute(url, base))?.[0];

/** Versions as headers write them: `v3`, `3.0` and `3+b7` are 3. */
const same = (a: string, b: string) => plain(a) === plain(b);
const plain = (version: string) => version.replace(/^v|(\.0)*(\+.*)?$/gi, "");

/** In ms since 1970: a Date of RFC 9651 (`@1659578233`), or an HTTP-date of RFC 9110. Anything else is undefined. */
export function parseDate(text: string): number | undefined {
  const unix = /^ *@(-?\d{1,15}) *(;.*)?$/.exec(text);
  // -0 + 0 is 0
  if (unix) return +unix[1]! * 1e3 + 0;
  // The obsolete form of asctime() does not name its zone.
  return (/^[A-Z][a-z]+,? [\w :-]+$/.test(text) && Date.parse(text.replace(/( GMT)?$/, " GMT"))) || undefined;
}
