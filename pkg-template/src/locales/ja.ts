/** The prompt in Japanese: `import ja from "trueup/locales/ja"`, then `connect({ texts: ja })`. */
import type { PromptTexts } from "../prompt.js";

const ja: PromptTexts = {
  lang: "ja",
  offerTitle: "新しいバージョンがあります",
  offerText: ({ notes }) => (notes ? "" : "ご都合のよいときに更新してください。"),
  offerLater: "後で",
  urgeTitle: "お早めに更新してください",
  urgeText: ({ deadline }) =>
    deadline ? `このバージョンは${deadline}までご利用いただけます。` : "このバージョンは最新ではありません。",
  urgeLater: "15分後に通知",
  heldTitle: "更新を待っています",
  heldText: ({ holds }) =>
    "作業が終わりしだいページを更新します" + (holds?.[0] ? "：" + holds.join("、") : "") + "。",
  heldLater: "閉じる",
  forceTitle: "ページの更新が必要です",
  forceText: ({ deferrals }) =>
    "このバージョンはサポートを終了しました。" + (deferrals === 0 ? "" : "作業中の場合は、あと5分延長できます。"),
  forceLater: "作業を続ける",
  countdown: (seconds) => `${seconds}秒後に更新します`,
  refresh: "今すぐ更新",
  busy: "更新しています…",
  link: "新機能",
};

export default ja;
