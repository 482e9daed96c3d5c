"""The script Payple hands out: PaypleCpayAuthCheck(obj) has the shop authenticate, then opens the window.

With PCD_RST_URL the window takes the page's place and posts the result there; with callbackFunction it lies over the
page in a frame and hands the result to that function. (card manual, 최초결제)"""

CPAY = """\
"use strict";
(function () {
  var ORIGIN = "%(origin)s";

  function input(form, name, value) {
    var field = document.createElement("input");
    field.type = "hidden";
    field.name = name;
    field.value = value;
    form.appendChild(field);
  }

  function frame() {
    var made = document.createElement("iframe");
    made.name = "payple_window";
    made.title = "Payple";
    made.style.cssText = "position:fixed;left:0;top:0;width:100%%;height:100%%;border:0;z-index:9999";
    document.body.appendChild(made);
    return made;
  }

  function open(obj, pass) {
    var form = document.createElement("form");
    form.method = "post";
    form.action = pass.return_url;
    form.acceptCharset = "utf-8";
    Object.keys(obj).forEach(function (name) {
      if (name.indexOf("PCD_") === 0 && name !== "PCD_RST_URL") input(form, name, obj[name]);
    });
    input(form, "PCD_CST_ID", pass.cst_id);
    input(form, "PCD_CUST_KEY", pass.custKey);
    input(form, "PCD_AUTH_KEY", pass.AuthKey);
    if (typeof obj.callbackFunction === "function") {
      var over = frame();
      form.target = over.name;
      window.addEventListener("message", function heard(event) {
        if (event.origin !== ORIGIN || event.source !== over.contentWindow || !event.data || !event.data.payple) return;
        window.removeEventListener("message", heard);
        over.remove();
        obj.callbackFunction(event.data.fields);
      });
    } else {
      input(form, "PCD_RST_URL", new URL(obj.PCD_RST_URL, document.baseURI).href);
    }
    document.body.appendChild(form);
    form.submit();
    form.remove();
  }

  window.PaypleCpayAuthCheck = function (obj) {
    var body = new URLSearchParams();
    Object.keys(obj).forEach(function (name) {
      if (name.indexOf("PCD_") === 0) body.append(name, obj[name]);
    });
    if (obj.clientKey) body.append("clientKey", obj.clientKey);
    var where = obj.clientKey ? ORIGIN + "/payple/js/v1/auth" : obj.payple_auth_file;
    fetch(where, { method: "POST", body: body, credentials: obj.clientKey ? "omit" : "same-origin" })
      .then(function (answer) { return answer.json(); })
      .then(function (pass) {
        if (pass.result !== "success") throw new Error(pass.result_msg || "auth");
        open(obj, pass);
      })
      .catch(function (problem) {
        if (typeof obj.callbackFunction === "function") {
          obj.callbackFunction({ PCD_PAY_RST: "error", PCD_PAY_CODE: "AUTH0001", PCD_PAY_MSG: problem.message });
        } else {
          window.alert("가맹점 인증에 실패했어요. " + problem.message);
        }
      });
  };
})();
"""
