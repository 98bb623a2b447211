/** The prompt in Spanish: `import es from "trueup/locales/es"`, then `connect({ texts: es })`. */
import type { PromptTexts } from "../prompt.js";

const es: PromptTexts = {
  lang: "es",
  offerTitle: "Hay una nueva versión",
  offerText: ({ notes }) => (notes ? "" : "Actualice la página cuando le venga bien."),
  offerLater: "Ahora no",
  urgeTitle: "Actualice la página pronto",
  urgeText: ({ deadline }) =>
    deadline ? `Esta versión funciona hasta el ${deadline}.` : "Esta versión ya no es la más reciente.",
  urgeLater: "En 15 minutos",
  heldTitle: "Actualización en espera",
  heldText: ({ holds }) =>
    "La página se actualizará cuando termine" + (holds?.[0] ? ": " + holds.join(", ") : "") + ".",
  heldLater: "Ocultar",
  forceTitle: "Hay que actualizar la página",
  forceText: ({ deferrals }) =>
    "Esta versión ya no es compatible." + (deferrals === 0 ? "" : " ¿Aún no ha terminado? Tómese 5 minutos más."),
  forceLater: "Déjeme terminar",
  countdown: (seconds) => `Se actualizará en ${seconds} segundo` + (seconds > 1 ? "s" : ""),
  refresh: "Actualizar ahora",
  busy: "Actualizando…",
  link: "Novedades",
};

export default es;
