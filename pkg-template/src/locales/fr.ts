/** The prompt in French: `import fr from "trueup/locales/fr"`, then `connect({ texts: fr })`. */
import type { PromptTexts } from "../prompt.js";

const fr: PromptTexts = {
  lang: "fr",
  offerTitle: "Une nouvelle version est disponible",
  offerText: ({ notes }) => (notes ? "" : "Actualisez la page quand vous le souhaitez."),
  offerLater: "Pas maintenant",
  urgeTitle: "Veuillez actualiser bientôt",
  urgeText: ({ deadline }) =>
    deadline ? `Cette version fonctionne jusqu’au ${deadline}.` : "Cette version n’est plus à jour.",
  urgeLater: "Dans 15 minutes",
  heldTitle: "Actualisation en attente",
  heldText: ({ holds }) =>
    "La page s’actualisera quand vous aurez terminé" + (holds?.[0] ? "\u00a0: " + holds.join(", ") : "") + ".",
  heldLater: "Masquer",
  forceTitle: "La page doit être actualisée",
  forceText: ({ deferrals }) =>
    "Cette version n’est plus prise en charge." +
    (deferrals === 0 ? "" : " Pas encore terminé\u202f? Prenez 5 minutes de plus."),
  forceLater: "Laissez-moi terminer",
  countdown: (seconds) => `Actualisation dans ${seconds} seconde` + (seconds > 1 ? "s" : ""),
  refresh: "Actualiser",
  busy: "Actualisation…",
  link: "Nouveautés",
};

export default fr;
