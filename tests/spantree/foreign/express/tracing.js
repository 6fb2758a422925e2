// Starts OpenTelemetry before the program: `node --require ./tracing.js shop.js`.
const { AmqplibInstrumentation } = require("@opentelemetry/instrumentation-amqplib");
const { ExpressInstrumentation } = require("@opentelemetry/instrumentation-express");
const { HttpInstrumentation } = require("@opentelemetry/instrumentation-http");
const { NodeSDK } = require("@opentelemetry/sdk-node");

const useLinksForConsume = Boolean(process.env.LINKS);
const sdk = new NodeSDK({
  instrumentations: [
    new HttpInstrumentation(),
    new ExpressInstrumentation(),
    new AmqplibInstrumentation({ useLinksForConsume }),
  ],
});
sdk.start();
process.on("SIGTERM", () => sdk.shutdown().finally(() => process.exit()));
