"""The scripts Pay-Story hands out: pgAsistant.js, which opens the window, and receipt.js.

SendPay, payResultSubmit, pay_result_submit and pay_result_close are the names the guide and the samples give. With a
returnUrl the window takes the page's place and posts the result there; without one it is a popup, and the result is put
into the shop's own form. (billing guide 2.2, 4.1)"""

PG_ASSISTANT = """\
"use strict";
(function () {
  var ORDER = "%(order)s";
  var ORIGIN = new URL(ORDER).origin;
  var shop = null;

  function SendPay(form) {
    shop = form;
    var own = { action: form.action, target: form.target, charset: form.acceptCharset };
    var charset = form.elements.namedItem("charSet");
    var back = form.elements.namedItem("returnUrl");
    if (back && back.value) {
      back.value = new URL(back.value, document.baseURI).href;
    } else {
      window.open("about:blank", "paystory", "width=480,height=720");
      form.target = "paystory";
    }
    form.method = "post";
    form.action = ORDER;
    form.acceptCharset = charset && charset.value ? charset.value : "utf-8";
    form.submit();
    form.action = own.action;
    form.target = own.target;
    form.acceptCharset = own.charset;
  }

  function payResultSubmit() {
    shop.submit();
  }

  window.addEventListener("message", function (event) {
    if (event.origin !== ORIGIN || !shop || !event.data || !event.data.paystory) return;
    if (event.data.paystory === "close") {
      if (window.pay_result_close) window.pay_result_close();
      return;
    }
    Object.keys(event.data.fields).forEach(function (name) {
      var input = shop.elements.namedItem(name);
      if (!input) {
        input = document.createElement("input");
        input.type = "hidden";
        input.name = name;
        shop.appendChild(input);
      }
      input.value = event.data.fields[name];
    });
    if (window.pay_result_submit) window.pay_result_submit();
  });

  window.SendPay = SendPay;
  window.payResultSubmit = payResultSubmit;
})();
"""

RECEIPT = """\
"use strict";
window.receiptOpen = function (form) {
  form.method = "get";
  form.action = "%(receipt)s";
  form.target = "_blank";
  form.submit();
};
"""
