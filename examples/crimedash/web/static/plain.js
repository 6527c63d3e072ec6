// Pages that the server fills in by itself: all they need is language and theme.
import { initPreferences } from "./prefs.js";

initPreferences();
