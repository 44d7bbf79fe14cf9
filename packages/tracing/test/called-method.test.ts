import { background, callInfo, type Context } from "@kit/endpoint";
import { describe, expect, it, vi } from "vitest";
import { calledMethod } from "../src/index.ts";

const called = (method: string, transport = "http"): Context =>
  background.with(callInfo, { service: "addsvc", method, transport });

describe("calledMethod", () => {
  it.for([
    [{}, "endpoint"],
    [{ name: "sum" }, "sum"],
    [{ service: "addsvc", name: "sum" }, "addsvc/sum"],
    [{ service: "addsvc" }, "addsvc/"],
  ] as const)("names a span: %j", ([options, spanName]) => {
    const methodOf = calledMethod({ ...options, served: false }, (method) => method.spanName);
    expect(methodOf(background)).toBe(spanName);
  });

  it("is told the rest by callInfo on a server", () => {
    const methodOf = calledMethod({ name: "add", served: true }, (method) => method);
    const expected = { service: "addsvc", name: "add", transport: "http", spanName: "addsvc/add" };
    expect(methodOf(called("sum"))).toEqual(expected);
    expect(methodOf(background)).toEqual({ service: "", name: "add", transport: "", spanName: "add" });
  });

  it("does not look into the context of a client, which may be that of the call it is a part of", () => {
    const methodOf = calledMethod({ service: "other", name: "get", served: false }, (method) => method);
    expect(methodOf(called("sum"))).toEqual({ service: "other", name: "get", transport: "", spanName: "other/get" });
  });

  it("makes what calls of one method share once, and keeps the last alone", () => {
    const make = vi.fn<(method: { spanName: string }) => string>(({ spanName }) => spanName);
    const methodOf = calledMethod({ served: true }, make);
    const names = ["sum", "sum", "concat", "concat", "sum"].map((method) => methodOf(called(method)));
    expect(names).toEqual(["addsvc/sum", "addsvc/sum", "addsvc/concat", "addsvc/concat", "addsvc/sum"]);
    methodOf(called("sum", "nats"));
    expect(make.mock.calls.map(([{ spanName }]) => spanName)).toEqual([
      "endpoint",
      "addsvc/sum",
      "addsvc/concat",
      "addsvc/sum",
      "addsvc/sum",
    ]);
  });

  it("does not give one method for another when it could not be made", () => {
    let broken = false;
    const methodOf = calledMethod({ served: true }, ({ spanName }) => {
      if (broken) throw new Error("broken");
      return spanName;
    });
    methodOf(called("sum"));
    broken = true;
    for (let times = 0; times < 2; times++) expect(() => methodOf(called("concat"))).toThrow("broken");
    expect(methodOf(called("sum"))).toBe("addsvc/sum");
  });
});
