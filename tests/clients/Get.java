// SPDX-License-Identifier: MIT
// Get URL|HttpClient ADDRESS...: prints pages by the one or the other of Java's own HTTP clients.
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Arrays;

class Get {
	public static void main(String[] args) throws Exception {
		HttpClient client = args[0].equals("URL") ? null : HttpClient.newHttpClient();
		for (String address : Arrays.copyOfRange(args, 1, args.length))
			if (client == null)
				new URL(address).openStream().transferTo(System.out);
			else
				System.out.print(client.send(HttpRequest.newBuilder(URI.create(address)).build(),
					HttpResponse.BodyHandlers.ofString()).body());
	}
}
