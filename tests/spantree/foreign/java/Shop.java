import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.Executors;

/** A shop and the bank that it calls, told apart by an argument: the bank's address. It knows nothing about tracing. */
public class Shop {
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  public static void main(String[] arguments) throws IOException {
    var address = new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0);
    var server = HttpServer.create(address, 0);
    server.setExecutor(Executors.newFixedThreadPool(4));
    server.createContext("/charges", exchange -> respond(exchange, 200));
    server.createContext("/declined", exchange -> respond(exchange, 500));
    server.createContext("/broken", exchange -> {
      throw new IllegalStateException("the till is jammed");
    });
    server.createContext("/orders", exchange -> respond(exchange, call(arguments[0], "/charges")));
    server.createContext("/rejected", exchange -> respond(exchange, call(arguments[0], "/declined")));
    server.start();
    System.out.println("listening on 127.0.0.1:" + server.getAddress().getPort());
  }

  private static int call(String bank, String path) throws IOException {
    var request = HttpRequest.newBuilder(URI.create("http://" + bank + path)).build();
    try {
      return CLIENT.send(request, BodyHandlers.discarding()).statusCode();
    } catch (InterruptedException interrupted) {
      throw new IOException(interrupted);
    }
  }

  private static void respond(HttpExchange exchange, int status) throws IOException {
    exchange.sendResponseHeaders(status, -1);
    exchange.close();
  }
}
