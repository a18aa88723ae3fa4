// First: whichever style sheet is first decides the order of the layers, and screens bring their own.
import "./styles/layers.css";
import { render } from "preact";
import { App } from "./app";
import { startLive } from "./api/live";
import { startKeys } from "./keys";
import { startRouter } from "./router";
import { refreshBoot, startClock } from "./state";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/floating.css";
import "./styles/query.css";
import "./styles/issues.css";
import "./styles/issue-list.css";
import "./styles/event.css";
import "./styles/grouping.css";
import "./styles/kept.css";
import "./styles/feedback.css";
import "./styles/setup.css";

startRouter();
startKeys();
startClock();
void refreshBoot();
startLive();
const root = document.getElementById("app");
if (root) render(<App />, root);
