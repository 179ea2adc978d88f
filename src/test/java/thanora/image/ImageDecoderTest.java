package thanora.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

class ImageDecoderTest {
  @TestFactory
  Stream<DynamicTest> filesAreReadAsPillowReadsThem() throws IOException {
    GoldenImages golden = new GoldenImages();
    return golden.names("decoded/").stream().map(name -> DynamicTest.dynamicTest(name, () -> {
      Rgb expected = golden.rgb("decoded/" + name);
      ImageSource source = GoldenImages.source(name);
      assertThat(ImageHeader.of(name, source.bytes()).upright()).isEqualTo(expected.size());
      Rgb read = ImageDecoder.decode(source);
      assertThat(read.size()).isEqualTo(expected.size());
      // Lossy WebP: Java's reader repeats colours in blocks of 2 x 2, libwebp goes over from one to the next.
      double tolerance = name.equals("noise.webp") ? 7 : name.endsWith("lossy.webp") ? 3 : 0;
      assertThat(meanDifference(read, expected)).isLessThanOrEqualTo(tolerance);
    }));
  }

  private static double meanDifference(Rgb one, Rgb other) {
    long sum = 0;
    for (int i = 0; i < one.values().length; i++) {
      sum += Math.abs((one.values()[i] & 0xff) - (other.values()[i] & 0xff));
    }
    return sum / (double) one.values().length;
  }

  @TestFactory
  Stream<DynamicTest> sizesChangeAsInPillow() throws IOException {
    GoldenImages golden = new GoldenImages();
    return golden.names("resized/").stream().map(name -> DynamicTest.dynamicTest(name, () -> {
      Rgb expected = golden.rgb("resized/" + name);
      Resampling filter = Resampling.valueOf(name.split("/", 2)[0].toUpperCase(Locale.ROOT));
      Rgb resized = filter.resize(golden.rgb("source"), expected.size());
      assertThat(Arrays.equals(resized.values(), expected.values())).isTrue();
    }));
  }
}
