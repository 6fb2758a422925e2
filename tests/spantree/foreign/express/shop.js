// Two services that know nothing about tracing. The argument picks one: a shop in express that publishes its orders
// with amqplib, or a warehouse that packs those of its queue.
const http = require("node:http");
const amqplib = require("amqplib");
const express = require("express");

const announce = (address) => console.log(`listening on ${address}`);

async function sell() {
  const connection = await amqplib.connect(process.env.BROKER);
  const channel = await connection.createChannel();
  const app = express();
  app.post("/orders/:queue", (request, response) => {
    channel.sendToQueue(request.params.queue, Buffer.from("a teapot"));
    response.status(201).json("ordered");
  });
  app.get("/proxy", (request, response) => {
    http.get({ port: app.port, path: "/broken" }, (answer) => {
      answer.resume(); // or the span of this request never ends
      answer.on("end", () => response.status(answer.statusCode).end());
    });
  });
  app.get("/broken", () => {
    throw new TypeError("the till is jammed");
  });
  const server = app.listen(0, "127.0.0.1", () => {
    app.port = server.address().port;
    announce(`127.0.0.1:${app.port}`);
  });
}

async function pack() {
  const connection = await amqplib.connect(process.env.BROKER);
  const channel = await connection.createChannel();
  await channel.assertQueue(process.env.QUEUE);
  await channel.consume(process.env.QUEUE, (message) => channel.ack(message));
  announce("the broker");
}

({ shop: sell, warehouse: pack })[process.argv[2]]();
