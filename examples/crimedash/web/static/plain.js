// Pages that the server fills in by itself: all they need is language and theme, and the
// masthead, if it says who looks at them.
import { initPreferences } from "./prefs.js";
import { Session } from "./session.js";

initPreferences();
if (document.getElementById("who")) new Session();
