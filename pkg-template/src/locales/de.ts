/** The prompt in German: `import de from "trueup/locales/de"`, then `connect({ texts: de })`. */
import type { PromptTexts } from "../prompt.js";

const de: PromptTexts = {
  lang: "de",
  offerTitle: "Neue Version verfügbar",
  offerText: ({ notes }) => (notes ? "" : "Laden Sie neu, wann es Ihnen passt."),
  offerLater: "Nicht jetzt",
  urgeTitle: "Bitte bald neu laden",
  urgeText: ({ deadline }) => (deadline ? `Diese Version funktioniert bis ${deadline}.` : "Diese Version ist veraltet."),
  urgeLater: "In 15 Minuten",
  heldTitle: "Neuladen steht an",
  heldText: ({ holds }) =>
    "Die Seite lädt neu, sobald Sie fertig sind" + (holds?.[0] ? ": " + holds.join(", ") : "") + ".",
  heldLater: "Ausblenden",
  forceTitle: "Die Seite muss neu laden",
  forceText: ({ deferrals }) =>
    "Diese Version wird nicht mehr unterstützt." +
    (deferrals === 0 ? "" : " Noch nicht fertig? Nehmen Sie sich 5 Minuten mehr."),
  forceLater: "Erst fertig werden",
  countdown: (seconds) => `Lädt neu in ${seconds} Sekunde` + (seconds > 1 ? "n" : ""),
  refresh: "Neu laden",
  busy: "Lädt neu …",
  link: "Was ist neu",
};

export default de;
