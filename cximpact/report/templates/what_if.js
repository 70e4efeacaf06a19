"use strict";
// Recomputes NPV, ROI and the chance of a gain from the draws in the page, as roi.what_if does.
(function () {
  function at(x, d) { return typeof x === "number" ? x : x[d]; }
  function clamp(x, low, high) { return Math.min(Math.max(x, low), high); }
  function adoption(since, ramp) {
    return since > 0 ? (ramp ? Math.min(since / ramp, 1) : 1) : 0;
  }
  function factors(data, annual) {
    var rate = Math.expm1(Math.log1p(annual) / data.perYear), out = [];
    for (var t = 0; t <= data.horizon; t++) {
      out.push(Math.pow(1 + rate, -Math.max(t - data.early, 0)));
    }
    return out;
  }
  function plan(item, horizon, extraLag) {
    var lag = item.lag + extraLag, end = item.stops === null ? Infinity : item.stops;
    var before = 0, treatedBefore = 0;
    var out = { intensity: [], arrivals: [], treated: [], paid: [] };
    for (var t = 0; t <= horizon; t++) {
      var adopted = adoption(Math.min(t, end) - lag, item.ramp);
      var fading = Math.exp(-item.decay * Math.max(t - lag - 1, 0));
      var reached = adoption(Math.min(t, end), item.ramp), running = t <= end;
      out.intensity.push(adopted * fading * (running || item.persists ? 1 : 0));
      out.arrivals.push((adopted - before) * fading);
      out.treated.push(reached - treatedBefore);
      out.paid.push(running && t > 0 ? 1 : 0);
      before = adopted;
      treatedBefore = reached;
    }
    return out;
  }
  function units(item, p, f, tau, base) {
    var total = 0, withIt = 1, without = 1, retains = item.mechanism === "retention";
    var work = item.mechanism === "one_time" ? p.arrivals : p.intensity;
    for (var t = 1; t < f.length; t++) {
      var size = Math.pow(1 + item.growth, t - 1);
      if (!retains) { total += f[t] * size * work[t] * tau; continue; }
      var now = item.drift ? clamp(base + item.drift * t, 0, 1) : base;
      withIt *= clamp(now + work[t] * tau, 0, 1);
      without *= now;
      total += f[t] * size * (withIt - without);
    }
    return total;
  }
  function dot(a, b) { return a.reduce(function (sum, x, i) { return sum + x * b[i]; }, 0); }
  function compute(data, terms) {
    var f = factors(data, terms.discount_rate), gains = 0, spent = 0, good = 0;
    var plans = data.items.map(function (item) {
      return plan(item, data.horizon, terms.extra_lag);
    });
    for (var d = 0; d < data.draws; d++) {
      var npv = 0, cost = 0;
      data.items.forEach(function (item, i) {
        var p = plans[i];
        var cover = item.coverage > 0 ? Math.min(terms.coverage, 1 / item.coverage) : terms.coverage;
        item.segments.forEach(function (s) {
          var base = at(s.baseline, d), tau = at(s.tau, d) - terms.delta;
          if (item.clips) { tau = clamp(tau, -base, 1 - base); }
          npv += s.reached * cover * units(item, p, f, tau, base) * at(s.value, d) * terms.value;
        });
        cost += terms.cost * (at(item.costs.one_off, d) +
          at(item.costs.recurring, d) * dot(f, p.paid) +
          at(item.costs.per_treated, d) * item.customers * item.coverage * cover *
          dot(f, p.treated));
      });
      npv -= cost;
      gains += npv;
      spent += cost;
      good += npv > 0 ? 1 : 0;
    }
    return { npv: gains / data.draws, roi: spent > 0 ? gains / spent : NaN, chance: good / data.draws };
  }
  function fixed(x, digits) {
    var text = x.toFixed(digits);
    return Number(text) === 0 ? (0).toFixed(digits) : text;
  }
  function grouped(text) { return text.replace(/\B(?=(\d{3})+$)/g, ","); }
  function start(panel) {
    var data = JSON.parse(document.getElementById(panel.dataset.source).textContent);
    var inputs = Array.prototype.slice.call(panel.querySelectorAll("input"));
    function show() {
      var terms = { delta: 0 };
      inputs.forEach(function (input) {
        var value = Number(input.value), unit = input.dataset.unit;
        terms[input.name] = value;
        var shown = unit === "%" || unit === "pp" ? fixed(100 * value, unit === "%" ? 1 : 2) : value;
        panel.querySelector("[data-for=" + input.name + "]").textContent =
          shown + (unit === "x" ? " times" : unit === "pp" ? " points" : unit === "%" ? "%" : "");
      });
      var found = compute(data, terms);
      panel.querySelector("[data-out=npv]").textContent =
        grouped(fixed(found.npv, 0)) + " " + data.currency;
      panel.querySelector("[data-out=roi]").textContent =
        isNaN(found.roi) ? "none" : fixed(found.roi, 3);
      panel.querySelector("[data-out=chance]").textContent = fixed(100 * found.chance, 1) + "%";
    }
    function reset() {
      inputs.forEach(function (input) { input.value = input.dataset.start; });
      show();
    }
    new URLSearchParams(location.hash.slice(1)).forEach(function (value, name) {
      inputs.forEach(function (input) { if (input.name === name) { input.value = value; } });
    });
    inputs.forEach(function (input) { input.addEventListener("input", show); });
    panel.querySelector("button").addEventListener("click", reset);
    panel.hidden = false;
    show();
  }
  Array.prototype.forEach.call(document.querySelectorAll(".what-if"), start);
})();
