// The sandbox's stand-in for payapp-lite.js: the calls of the manual (setForm, setDefault, setParam, setTarget,
// payrequest, rebill), each of which posts its parameters to the sandbox in a window.
(function () {
  "use strict";
  var base = {{ base }};
  var defaults = {};
  var params = {};
  var form = null;
  var target = "PayAppWindow";

  function put(values, name, value) {
    if (typeof name === "object") {
      Object.keys(name).forEach(function (key) { values[key] = String(name[key]); });
    } else {
      values[name] = String(value);
    }
  }

  function send(path, more) {
    var values = Object.assign({}, defaults, params, more || {});
    if (form) {
      values = {};
      new FormData(form).forEach(function (value, name) { values[name] = value; });
    }
    params = {};
    var made = document.createElement("form");
    made.method = "post";
    made.action = base + path;
    made.target = target;
    made.acceptCharset = "utf-8";
    Object.keys(values).forEach(function (name) {
      var field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = values[name];
      made.appendChild(field);
    });
    document.body.appendChild(made);
    made.submit();
    made.remove();
  }

  window.PayApp = {
    setForm: function (given) {
      form = typeof given === "string" ? document.forms[given] || document.getElementById(given) : given;
      return this;
    },
    setDefault: function (name, value) { put(defaults, name, value); return this; },
    setParam: function (name, value) { put(params, name, value); return this; },
    setTarget: function (name) { target = name; return this; },
    payrequest: function (more) { send("/payrequest", more); },
    rebill: function (more) { send("/rebill", more); }
  };
})();
