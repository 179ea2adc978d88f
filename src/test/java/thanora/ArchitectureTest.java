package thanora;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.GeneralCodingRules;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Enforces docs/architecture.md. */
class ArchitectureTest {
  /** A package may import only packages before it. */
  private static final List<String> ORDER =
      List.of(
          "tensor", "text", "image", "checkpoint", "hub", "data", "model", "lora", "fused", "hasi", "method", "merging",
          "eval", "page", "compare", "dist", "train", "export", "report",
          "thanora", "serve", "demo", "cli");

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("thanora");

  private static String java(String name) {
    return name.equals("thanora") ? "thanora" : "thanora." + name + "..";
  }

  @Test
  void importsPointUpwardsInTheTable() {
    for (int i = 0; i < ORDER.size() - 1; i++) {
      String[] later =
          ORDER.subList(i + 1, ORDER.size()).stream()
              .map(ArchitectureTest::java)
              .toArray(String[]::new);
      noClasses()
          .that(resideInAPackage(java(ORDER.get(i))))
          .should()
          .dependOnClassesThat(resideInAnyPackage(later))
          .allowEmptyShould(true)
          .check(CLASSES);
    }
  }

  @Test
  void textImportsNothingOfOurs() {
    noClasses()
        .that(resideInAPackage("thanora.text.."))
        .should()
        .dependOnClassesThat(
            resideInAPackage("thanora..")
                .and(not(
                    resideInAPackage("thanora.text.."))))
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  @Test
  void packagesHaveNoCycles() {
    slices().matching("thanora.(*)..").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void everyPackageIsInTheTable() throws IOException {
    TreeSet<String> packages = new TreeSet<>();
    for (JavaClass type : CLASSES) {
      packages.add((type.getPackageName() + "..").split("\\.", -1)[1]);
    }
    packages.remove("");
    assertThat(ORDER).containsAll(packages);
    String table = Files.readString(Path.of("docs/architecture.md"));
    assertThat(table.lines().filter(l -> l.startsWith("| `")).map(l -> l.split("`")[1]))
        .containsExactlyElementsOf(ORDER);
  }

  /** And libwebp, which is image.Webp's. */
  @Test
  void outsideTensorOnlyTheTensorOfLibtorchIsUsed() {
    noClasses()
        .that(resideInAPackage("thanora..")
            .and(not(resideInAPackage("thanora.tensor.."))).and(not(JavaClass.Predicates.simpleName("Webp"))))
        .should()
        .dependOnClassesThat(
            resideInAPackage("org.bytedeco..")
                .and(not(
                    JavaClass.Predicates.equivalentTo(org.bytedeco.pytorch.Tensor.class)))
                .as("are of org.bytedeco, but not Tensor"))
        .check(CLASSES);
  }

  @Test
  void theLibraryNeitherPrintsNorExits() {
    JavaClasses library =
        CLASSES.that(
            not(resideInAPackage("thanora.cli..")));
    GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS.check(library);
    noClasses().should().callMethod(System.class, "exit", int.class).check(library);
  }
}
