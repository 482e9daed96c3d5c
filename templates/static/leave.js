/* Leads the whole page on where a gateway came back inside a frame of its window. */
(function () {
  "use strict";
  window.top.location.replace(document.getElementById("leave").href);
})();
