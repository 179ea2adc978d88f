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
      assertThat(read.values()).isEqualTo(expected.values());
    }));
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
