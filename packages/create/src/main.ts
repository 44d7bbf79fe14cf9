#!/usr/bin/env node
import { command } from "./command.ts";

process.exitCode = await command(process.argv.slice(2), {
  input: process.stdin,
  output: process.stdout,
  errors: process.stderr,
  userAgent: process.env["npm_config_user_agent"],
});
