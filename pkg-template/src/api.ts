/**
 * `trueup.api(name)`: calls by the published plan. From plan to URL and headers is plain JavaScript; the core hears only
 * of refusals and of higher serials.
 */
import { TrueupError } from "./errors.js";
import type * as T from "./types.js";
import { In, type Input, type Refusal } from "./wire.js";

/** What the calls need of their client. */
export interface Calls {
  /** The option `apis`. */
  readonly apis: T.Options["apis"];
  /** The build's id, where same-origin calls are to carry it. */
  readonly build?: string | undefined;
  /** The published plan of an API; undefined before the first one, and when the module is lost. */
  plan(name: string): T.ApiPlan | undefined;
  /** Tells the core. What it publishes in answer is there when this returns. */
  send(input: Input): void;
  emit(event: "deprecation" | "substitution", detail: object): void;
}

/** A plan made ready for use: a tuple, for its names would be shipped. */
type Route = readonly [
  plan: T.ApiPlan,
  /** Empty only where the app names none: then nothing carries it. */
  version: string,
  /** What carries it, of `KINDS`. */
  kind: string,
  /** Of the query parameter, the header, or the parameter of the accepted media types. */
  name: string,
  /** Without a slash at its end. */
  base: string,
  /** Matches the base with any version. */
  below: RegExp,
];

const KINDS = ["path", "query", "header", "accept"];
/** Answers that arrive together are told together: one negotiation serves them all. */
const TOGETHER = 50;
/** A server that tells another date every time is not listened to for ever. */
const MOST_SIGNALS = 100;

/** The APIs of one client, by name: always the same object. A name that was not declared throws. */
export function createApis({ apis, build, plan: published, send, emit }: Calls): (name: string) => T.Api {
  const { origin, href } = globalThis.location ?? {};
  const made = new Map<string, T.Api>();
  const seen = new Set<string>();
  let refusals: Refusal[] = [];
  let told: Promise<void> | undefined;
  let serial = 0;

  const isOwn = (url: string) => originOf(url) === origin;

  const refuse = (refusal: Refusal): Promise<void> => {
    refusals.push(refusal);
    return (told ??= new Promise((done) =>
      setTimeout(() => {
        told = undefined;
        send([In.Refused, refusals.splice(0)]);
        done();
      }, TOGETHER),
    ));
  };

  /** The link is not what makes it another one: it may be relative. */
  const signal = (event: "deprecation" | "substitution", detail: object, link?: string) => {
    const key = JSON.stringify(detail);
    if (seen.size >= MOST_SIGNALS || seen.has(key)) return;
    seen.add(key);
    // Parsed: without what is undefined.
    emit(event, { ...JSON.parse(key), ...(link && { link }) });
  };

  const create = (api: string): T.Api => {
    const given: any = apis?.[api];
    const fail = (code: string): never => {
      throw new TrueupError("api/" + code, "apis." + api);
    };
    if (!given) fail("undeclared");
    const own: Partial<T.ApiOptions> = given.speaks ? given : { speaks: given };
    const open = { outcome: "unknown", reason: "no-plan", version: firstOf(own.speaks) } as T.ApiPlan;
    let last: Route | undefined;

    const plan = () => published(api) ?? open;

    const route = (): Route => {
      const now = plan();
      if (last?.[0] === now) return last;
      const { outcome, version = "" } = now;
      if (!version && /^cl/.test(outcome)) fail(outcome);
      const carrier: any = [now.carrier, own.carrier].find(kindOf) ?? { header: "Api-Version" };
      const kind = kindOf(carrier)!;
      const path = kind === "path" ? carrier.path : (now.base ?? own.base ?? "/");
      const parts = absolute(path, absolute(own.base ?? "/", href))
        .replace(/\/$/, "")
        .split(/%7Bversion%7D|{version}/i);
      const below = RegExp(`^${parts.map(escaped).join("[^/?#]+?")}(?=[/?#]|$)`);
      return (last = [now, version, kind, carrier[kind], parts.join(encodeURIComponent(version)), below]);
    };

    /** The caller may name the version that the plan has, and no other. */
    const agree = (asked: string | null | undefined, version: string) => (asked ?? version) !== version && fail("contradiction");

    /** Where `path` lies below the base, with the version if the query carries it. */
    const locate = ([, version, kind, name, base, below]: Route, path: string, request?: unknown): string => {
      if (/^[a-z][a-z\d+.-]*:/i.test(path)) {
        const url = new URL(path);
        const found = below.exec(url.href);
        // A `Request` has an absolute URL even where it was made of a relative one.
        path = found ? url.href.slice(found[0].length) : request && url.origin === origin ? url.pathname + url.search : fail("path");
      }
      let [, way, query, hash] = /^([^?#]*)(\?[^#]*)?(.*)$/s.exec(path) as unknown as string[];
      // Some servers decode slashes before they look for dots.
      if (/^\/\/|[\\\0-\x1f\x7f]|(^|\/|%2f|%5c)(\.|%2e){2}(?![^/%])/i.test(way!)) fail("path");
      if (version && kind === "query") {
        const asked = new URLSearchParams(query).getAll(name);
        asked.forEach((value) => agree(value, version));
        if (!asked[0]) query = (query ? query + "&" : "?") + new URLSearchParams({ [name]: version });
      }
      return base + (way && way[0] !== "/" ? "/" : "") + way + (query ?? "") + hash;
    };

    /** The given headers with what they carry for us; undefined where that is nothing. */
    const carry = ([, version, kind, name]: Route, url: string, given?: HeadersInit): Headers | undefined => {
      const told = build && isOwn(url);
      const carries = version && KINDS.indexOf(kind) > 1;
      if (!told && !carries) return;
      const headers = new Headers(given);
      if (told) headers.set("Trueup-Build", encodeURI(build));
      if (!carries) return headers;
      if (kind === "header") {
        agree(headers.get(name), version);
        headers.set(name, version);
      } else {
        const parameter = RegExp(`;\\s*${escaped(name)}\\s*=\\s*"?([^\\s;"]*)`, "i");
        const types = (headers.get(kind) ?? "*/*").split(",").map((type) => {
          const asked = parameter.exec(type);
          agree(asked?.[1], version);
          // Before the weight: what follows that is no parameter of the media type.
          return asked ? type : type.replace(/\s*(;\s*q=|$)/i, `;${name}=${version}$&`);
        });
        headers.set(kind, types.join());
      }
      return headers;
    };

    /** Hears an answer: what in it refuses the version, if anything does, and whether by the named problem type. */
    const hear = async (response: Response, [, version, kind, name, base]: Route) => {
      const { headers, status, url } = response;
      const header = (name: string) => headers.get(name) ?? "";
      // What another origin answers after a redirect is not the API's word.
      if (url && originOf(url) !== originOf(base, url)) return;
      const higher = header("trueup-serial");
      if (/^\d{1,16}$/.test(higher) && +higher > serial && (!url || isOwn(url))) send([In.Header, (serial = +higher)]);

      const since = header("deprecation");
      const deprecation = /^(true|\?1)$/i.test(since) || parseDate(since);
      const sunset = parseDate(header("sunset"));
      if (deprecation !== undefined || sunset !== undefined)
        signal("deprecation", { api, version, deprecation, sunset }, linkOf(header("link"), url || href));
      const answered = header(own.echoHeader ?? (kind === "header" ? name : "Api-Version"));
      if (!version) return;
      if (answered && !same(answered, version)) signal("substitution", { api, version, answered });

      // 426 has a meaning of its own: another protocol.
      if (![400, 404, 406, 410, 426].includes(status) || (status === 426 && /^(HTTP|TLS|websocket)/i.test(header("upgrade")))) return;
      const supported = header(own.supportedHeader ?? "Api-Supported-Versions").match(/\d[^\s,]*/g);
      const unlisted = supported && !supported.some((listed) => same(listed, version));
      const named =
        own.problemType &&
        /^application\/problem\+json/i.test(header("content-type")) &&
        (await response.clone().json().catch(Object))?.type === own.problemType;
      if (unlisted || named) return [named, refuse([api, version, unlisted ? supported : null])] as const;
      return;
    };

    return {
      get plan() {
        return plan();
      },
      url: (path) => locate(route(), path),
      headers: () => carry(route(), route()[4]) ?? new Headers(),
      fetch: async (input, init) => {
        // `fetch(url, request)` is a known way to move a request: its members are not its own.
        const moved = requestOf(init);
        const request = moved ?? requestOf(input);
        const target = requestOf(input)?.url ?? String(input);
        const given = moved ? undefined : init;
        const body: any = given?.body;

        /** Sends the call by the plan of this moment; throws where it contradicts that. */
        const call = (): [Route, Promise<Response>] => {
          const now = route();
          const url = locate(now, target, request);
          const headers = carry(now, url, given?.headers ?? request?.headers);
          const changed = headers ? { ...given, headers } : given;
          if (!request || url === request.url) return [now, fetch(request ?? url, changed)];
          const copy: any = {};
          for (const member in request) copy[member] = (request as any)[member];
          if (body || bodiless(request)) return [now, fetch(url, { ...copy, ...changed })];
          // Its body can only be had as a stream, which browsers do not send over HTTP/1.1: it is read whole first.
          return [now, request.arrayBuffer().then((body) => fetch(url, { ...copy, body, ...changed }))];
        };
        /** What the answer has to say never fails the call. */
        const answered = async ([began, answer]: [Route, Promise<Response>]) => {
          const response = await answer;
          return [response, began, await hear(response, began).catch(() => {})] as const;
        };

        const [response, [, version], refused] = await answered(call());
        if (!refused) return response;
        await refused[1];
        // Of a `Request` that has a body nobody can tell whether it was a stream.
        const replayable = body || !request ? !body?.getReader && !body?.[Symbol.asyncIterator] : bodiless(request);
        // RFC 9110, section 9.2.2
        const idempotent = /^(GET|HEAD|OPTIONS|TRACE|PUT|DELETE)$/i.test(given?.method ?? request?.method ?? "GET");
        if (!replayable || !(refused[0] || idempotent) || same(plan().version ?? version, version)) return response;
        let again;
        try {
          again = call();
        } catch {
          // The caller insists on the version that was refused.
          return response;
        }
        response.body?.cancel().catch(() => {});
        return (await answered(again))[0];
      },
    };
  };

  return (name) => {
    const api = made.get(name) ?? create(name);
    made.set(name, api);
    return api;
  };
}

const kindOf = (carrier: any) => KINDS.find((kind) => carrier?.[kind]);

/** By its members: a request may come from another frame. */
const requestOf = (input: any): Request | undefined => (input?.clone && input.url ? input : undefined);

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

/** As the core has it: the first version that is named, exactly or by an inclusive bound. */
const firstOf = (speaks: any): string | undefined =>
  [speaks].flat().map((entry) => /(?:^=?|[<>]=)([^<>=\s]+)/.exec(entry)?.[1]).find(Boolean);

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

/** The target of the first link (RFC 8288) whose relation is `deprecation` or `sunset`, if it leads to a page. */
function linkOf(text: string, base?: string): string | undefined {
  const target = /<([^<>]*)>[^<]*;\s*rel\s*=\s*("[^"]*\b|)(deprecation|sunset)\b/i.exec(text)?.[1];
  const link = absolute(target ?? "", base);
  return target !== undefined && /^https?:/.test(link) ? link : undefined;
}
