// What the manifest says besides the build, for every app: made from the build's version by the one that publishes it.
export const published = (version) => ({
  supported: { minimum: version },
  refresh: { spreadSeconds: 0 },
  apis: { orders: { supported: ["1", "2"], base: "/api/orders" } },
  flags: {
    flags: {
      greeting: {
        state: "ENABLED",
        variants: { warm: "hello", cold: "hm" },
        defaultVariant: "cold",
        targeting: { if: [{ "==": [{ var: "targetingKey" }, "ada"] }, "warm", "cold"] },
      },
    },
  },
});
