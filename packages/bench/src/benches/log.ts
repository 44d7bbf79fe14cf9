import { Writable } from "node:stream";
import { bind, jsonLogger, levelFilter, levels, logfmtLogger } from "@kit/log";
import { pinoLogger } from "@kit/log-pino";
import { pino } from "pino";
import winston from "winston";

import type { Bench, Plan, Result } from "../bench.ts";
import { cpuMs, interleave } from "../interleave.ts";

/** Takes lines and has none of them. */
const nowhere = { write: () => true };

/** What a line of a call has. */
const fieldsOf = (i: number): { readonly method: string; readonly took_ms: number; readonly items: number } => ({
  method: "order",
  took_ms: i & 1023,
  items: 3,
});

const bound = { service: "shop", node: "web-1" };

async function measurePino(plan: Plan): Promise<readonly Result[]> {
  const bare = pino({ base: null }, nowhere).child(bound);
  const ours = levels(bind(pinoLogger({ logger: pino({ base: null }, nowhere) }), bound));
  const costs = await interleave(
    {
      "log-pino"(count) {
        for (let i = 0; i < count; i += 1) ours.info("ordered", fieldsOf(i));
      },
      pino(count) {
        for (let i = 0; i < count; i += 1) bare.info(fieldsOf(i), "ordered");
      },
    },
    plan,
    cpuMs,
  );
  const off = await interleave(
    {
      "log-pino"(count) {
        for (let i = 0; i < count; i += 1) ours.debug("ordered", fieldsOf(i));
      },
      pino(count) {
        for (let i = 0; i < count; i += 1) bare.debug(fieldsOf(i), "ordered");
      },
    },
    plan,
    cpuMs,
  );
  return [
    {
      title: "a line of two bound and three more fields, through pino",
      costs,
      // A tenth longer at most.
      claims: [{ ours: "log-pino", other: "pino", goal: 1 / 1.1 }],
    },
    { title: "the same at a level that is off", costs: off, claims: [{ ours: "log-pino", below: 50 }] },
  ];
}

async function measureOwn(plan: Plan): Promise<readonly Result[]> {
  const json = levels(bind(levelFilter(jsonLogger(nowhere), { allow: "info" }), bound));
  const logfmt = levels(bind(logfmtLogger(nowhere), bound));
  const costs = await interleave(
    {
      jsonLogger(count) {
        for (let i = 0; i < count; i += 1) json.info("ordered", fieldsOf(i));
      },
      logfmtLogger(count) {
        for (let i = 0; i < count; i += 1) logfmt.info("ordered", fieldsOf(i));
      },
    },
    plan,
    cpuMs,
  );
  const off = await interleave(
    {
      levelFilter(count) {
        for (let i = 0; i < count; i += 1) json.debug("ordered", fieldsOf(i));
      },
    },
    plan,
    cpuMs,
  );
  return [
    { title: "the same line without a driver", costs, claims: [] },
    { title: "the same at a level that is off", costs: off, claims: [{ ours: "levelFilter", below: 50 }] },
  ];
}

async function measureWinston(plan: Plan): Promise<Result> {
  const ours = levels(bind(pinoLogger({ logger: pino({ base: null }, nowhere) }), bound));
  const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
  const theirs = winston
    .createLogger({
      format: winston.format.combine(winston.format.timestamp(), winston.format.json()),
      transports: [new winston.transports.Stream({ stream: sink })],
    })
    .child(bound);
  const costs = await interleave(
    {
      "log-pino"(count) {
        for (let i = 0; i < count; i += 1) ours.info("ordered", fieldsOf(i));
      },
      winston(count) {
        for (let i = 0; i < count; i += 1) theirs.info("ordered", fieldsOf(i));
      },
    },
    plan,
    cpuMs,
  );
  return {
    title: "a line of two bound and three more fields, beside winston",
    costs,
    claims: [{ ours: "log-pino", other: "winston", goal: 1 }],
  };
}

/** What a line costs through our loggers, beside the bare drivers. */
export const bench: Bench = [measurePino, measureOwn, measureWinston];
